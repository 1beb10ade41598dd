// Whether the sums of a sweep have enough bits above the quantum of fixed point, and bounds that give them
// so.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/model/covariance_structure.hpp"
#include "gmmpi/parallel/communicator.hpp"
#include "kernels/scatter.hpp"
#include "parallel/exact_sum.hpp"

namespace gmmpi {

/// Which digits of the second moments matter.
struct MomentNeeds {
  std::span<const double> negligible{};  ///< (d) variances; those of smaller ones do not. Empty: all do
  bool only_trace = false;               ///< those that show in the sum over the columns

  /// For covariances of this structure beside which such variances (d) do not show.
  static MomentNeeds of(const CovarianceStructure& structure, std::span<const double> negligible) {
    return {negligible, structure.layout().is_round()};
  }
};

/// Bounds from the columns' ranges are far too large for a component that is narrow beside what else a column
/// holds: its sums could lie at or below the quantum. What tells is one *key* sum per component and column:
/// the second moment (one per column where moments are pooled), or the first where no second moments are
/// gathered. Of the blocks' terms of each key sum the largest, its *peak*, is kept beside the exact sums.
class Resolution {
 public:
  explicit Resolution(const MomentLayout& layout, MomentNeeds needs = {});

  std::size_t n_keys() const { return keys_.size(); }
  /// Peaks after a block with these sums (in the layout's order).
  void add(const std::vector<double>& block_sums, std::vector<double>& peaks) const;

  /// Collective; the same on all ranks. `sums` are totals over all ranks of at most `n_blocks` terms each,
  /// with these bounds; `peaks` those of this rank. Where a key sum has come out below 2^57 quanta although
  /// it has terms that are not zero, lowers its bound, and those of the sums that follow from it. False if
  /// all are well.
  bool refine(const Communicator& comm, const ExactArray& sums, std::vector<double> peaks, double n_blocks,
              std::vector<double>& bounds) const;

 private:
  void lower(std::size_t key, double bound, std::vector<double>& bounds) const;

  double needed(std::size_t key, const ExactArray& sums) const;

  MomentLayout layout_;
  MomentNeeds needs_;
  std::vector<std::int64_t> keys_;  ///< their places in the layout
};

}  // namespace gmmpi
