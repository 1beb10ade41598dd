// Exact sums over all rows of a few numbers that have no bounds.
#pragma once

#include <functional>
#include <vector>

#include "data/tile.hpp"

namespace gmmpi {

/// Collective. Calls work(tile, sums) for the tiles of this rank's blocks; it adds to the `n_sums` sums of
/// the tile's block. Returns the totals over all rows, rounded once, equal on all ranks.
std::vector<double> sum_over_rows(const Execution& execution, const Data& data, int n_sums,
                                  const std::function<void(const Tile& tile, double* sums)>& work);

}  // namespace gmmpi
