// Rows that lack values in a sweep: by patterns, each with the marginal of its observed columns.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/kept_by_pattern.hpp"
#include "em/block_work.hpp"
#include "em/rowwise_work.hpp"

namespace gmmpi {

/// What rows of one pattern need in one sweep about centres c: with e_k = E[x_m | x_o = c_k,o] - c_k,m and
/// slopes B_k, the missing columns are expected at c_k,m + e_k + B_k (x_o - c_k,o). Of m missing and o
/// observed columns:
struct PatternPass {
  const Assignment* rows = nullptr;    ///< of the observed columns
  PartialAssignment partial;           ///< where that is not the assignment of all columns
  std::vector<int> observed, missing;  ///< columns
  std::vector<double> centers;         ///< c_k,o (K, o)
  AlignedDoubles shifts;               ///< e_k (K, padded(m))
  AlignedDoubles slopes;               ///< B_k^T (K, or 1 where shared; o, padded(m)); empty: 0
  std::vector<double> own_of_missing;  ///< (n_own - 1, K): what a row adds to own sums because of its gaps

  /// For the kernel: component k's.
  RegressionTask regression(int k) const;
};

/// Those of one sweep, made when they are first met. Shared by all threads.
class PatternPasses {
 public:
  /// All must outlive it. `centers` (K, d), and the same (K, padded(d)).
  PatternPasses(const Assignment& assignment, const MomentLayout& layout, const std::vector<double>& centers,
                const double* padded_centers, const DataSummary& summary);
  std::shared_ptr<const PatternPass> of(const Pattern& pattern) const;
  const MomentLayout& layout() const { return layout_; }
  const Assignment& assignment() const { return assignment_; }
  const double* padded_centers() const { return padded_centers_; }  ///< (K, padded(d))
  /// Column variances, which a missing value has where the assignment expects nothing.
  const std::vector<double>& variances() const { return summary_.gaps.variance; }

 private:
  std::shared_ptr<const PatternPass> make(const Pattern& pattern) const;
  void set_regression(PatternPass& pass) const;

  const Assignment& assignment_;
  MomentLayout layout_;
  const std::vector<double>& centers_;
  const double* padded_centers_;
  const DataSummary& summary_;
  mutable KeptByPattern<PatternPass> kept_;
};

/// One thread's work on blocks with gaps. Each component's rows are gathered over all patterns, completed by
/// what is expected of them, and summed by the kernels; conditional covariances are added by pattern. Rows of
/// patterns that few rows of a block have are taken one by one, where the assignment can.
/// Ghahramani & Jordan, NIPS 6 (1994); Schafer, Analysis of Incomplete Multivariate Data (1997), 5.3.
class GapWork {
 public:
  GapWork(const PatternPasses& passes, Index block_rows, const KernelTable& kernels, int n_values);
  /// As BlockWork::sum.
  const std::vector<double>& sum(const Block& block, std::span<double> lanes, Profile::Seconds& seconds);

  /// What one thread needs for blocks of at most `block_rows` rows.
  static std::int64_t bytes(const MomentLayout& layout, Index block_rows);

 private:
  /// A row with a share in a component: where its observed columns are, and by what pattern.
  struct Share {
    const PatternPass* pass;
    const double* x;
    double gamma;
  };

  Share* shares_of(std::size_t k) { return shares_.data() + k * (block_rows_ + 1); }
  void add_rare_rows(std::span<double> lanes, Profile::Seconds& seconds);
  void add_group(const PatternRows& group, const PatternPass& pass, std::span<double> lanes);
  void add_shares(const PatternRows& group, const PatternPass& pass, int first_row, int n_rows,
                  const double* gamma);
  void add_covariances(const PatternPass& pass, std::span<const double> counts);
  void add_completed(int k);

  const PatternPasses& passes_;
  Index block_rows_;
  const KernelTable& kernels_;
  int n_values_;
  BlockPatterns patterns_;
  std::vector<std::unique_ptr<TileShares>> tiles_;  ///< by the number of observed columns
  BlockSums sums_;
  std::optional<RowwiseWork> rowwise_;
  std::vector<Share> shares_;          ///< K x (block_rows + 1)
  std::vector<std::size_t> n_shares_;  ///< of each component
  std::vector<double> besides_;        ///< in the layout's order: what is no completed row
  std::vector<double> all_;
  AlignedDoubles differences_, gamma_;
};

}  // namespace gmmpi
