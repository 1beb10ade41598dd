// The rows of a block, each with a covariance of its own: through an assignment into the block's sums.
#pragma once

#include "em/block_work.hpp"
#include "em/rowwise_sums.hpp"

namespace gmmpi {

/// One thread's work on block after block: what BlockWork is for rows that are known.
class RowwiseWork {
 public:
  RowwiseWork(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values)
      : shares_(layout, block_rows, kernels, n_values), sums_(layout, kernels) {}
  /// As BlockWork::sum.
  const std::vector<double>& sum(Block block, const Assignment& assignment, const double* centers,
                                 std::span<double> lanes, Profile::Seconds& seconds) {
    block.rowwise = true;
    Stopwatch watch;
    sums_.clear();
    for (int offset = 0; offset < block.n_rows;) {
      const std::span<const Tile> tiles = shares_.next(block, offset, assignment, lanes);
      seconds[Profile::e_step] += watch.lap();
      sums_.add(tiles, shares_.gamma(), *assignment.rowwise(), centers);
      seconds[Profile::accumulation] += watch.lap();
    }
    return sums_.collect();
  }

 private:
  TileShares shares_;
  RowwiseSums sums_;
};

}  // namespace gmmpi
