// Rows that lack values in a sweep: by patterns, each with the marginal of its observed columns.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/patterns.hpp"
#include "em/block_work.hpp"

namespace gmmpi {

/// What rows of one pattern need in one sweep about centres c.
struct PatternPass {
  const Assignment* rows = nullptr;    ///< of the observed columns
  PartialAssignment partial;           ///< where that is not the assignment of all columns
  AlignedDoubles centers;              ///< c_k,o (K x padded(o))
  std::vector<double> shifts;          ///< E[x_m | x_o = c_k,o] - c_k,m (K, m)
  std::vector<double> own_of_missing;  ///< (n_own - 1, K): what a row adds to own sums because of its gaps

  const double* slopes(int k, std::size_t n_missing, std::size_t n_observed) const;
};

/// Those of one sweep, made when they are first met and kept within a limit of memory; beyond it they are
/// made again for each block, with the same bits. Shared by all threads.
class PatternPasses {
 public:
  /// All must outlive it. `centers` (K, d).
  PatternPasses(const Assignment& assignment, const MomentLayout& layout, const std::vector<double>& centers,
                const DataSummary& summary);
  std::shared_ptr<const PatternPass> of(const Pattern& pattern) const;
  const MomentLayout& layout() const { return layout_; }

  /// Adds the sums of rows of one pattern, which are of their observed columns, to those of all columns.
  void complete(const Pattern& pattern, const PatternPass& pass, const std::vector<double>& of_observed,
                std::vector<double>& sums) const;

 private:
  std::shared_ptr<const PatternPass> make(const Pattern& pattern) const;
  void add_shifts(const Pattern& pattern, PatternPass& pass) const;

  const Assignment& assignment_;
  MomentLayout layout_;
  const std::vector<double>& centers_;
  const DataSummary& summary_;
  mutable std::mutex mutex_;  ///< of what follows
  mutable std::unordered_map<std::string, std::shared_ptr<const PatternPass>> known_;
  mutable std::int64_t bytes_ = 0;
};

/// One thread's work on blocks with gaps.
class GapWork {
 public:
  GapWork(const PatternPasses& passes, Index block_rows, const KernelTable& kernels, int n_values);
  /// As BlockWork::sum.
  const std::vector<double>& sum(const Block& block, std::span<double> lanes, Profile::Seconds& seconds);

 private:
  const PatternPasses& passes_;
  Index block_rows_;
  const KernelTable& kernels_;
  int n_values_;
  BlockPatterns patterns_;
  std::vector<std::unique_ptr<BlockWork>> work_;  ///< by the number of observed columns
  std::vector<double> sums_;
};

}  // namespace gmmpi
