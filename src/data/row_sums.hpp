// Exact sums over all rows of a few numbers that have no bounds.
#pragma once

#include <functional>
#include <vector>

#include "data/tile.hpp"

namespace gmmpi {

/// The sums over one block, to which tiles are added one after the other.
class BlockTotals {
 public:
  BlockTotals(int n_sums, const KernelTable& kernels)
      : kernels_(kernels),
        values_(std::size_t(n_sums) * kTileRows),
        lanes_(std::size_t(n_sums) * kRowLanes) {}
  /// values()[i * kTileRows + row]: to be set before `add`.
  double* values() { return values_.data(); }
  /// Adds weight times value of the tile's rows.
  void add(const Tile& tile);
  const std::vector<double>& lanes() const { return lanes_; }  ///< n_sums x kRowLanes

 private:
  const KernelTable& kernels_;
  std::vector<double> values_, lanes_;
};

/// Collective. Calls work(block, thread, totals) for this rank's blocks; it adds tiles to the totals. Returns
/// those over all rows, rounded once, equal on all ranks; added in the same way as a sweep's objective.
std::vector<double> sum_over_blocks(
    const Execution& execution, const Data& data, int n_sums,
    const std::function<void(const Block& block, int thread, BlockTotals& totals)>& work);

/// Collective. The same by tiles: work(tile, values) sets values[i][row] for each of `n_sums` sums.
std::vector<double> sum_over_rows(const Execution& execution, const Data& data, int n_sums,
                                  const std::function<void(const Tile& tile, double* values)>& work);

}  // namespace gmmpi
