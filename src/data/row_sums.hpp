// Exact sums over all rows of a few numbers that have no bounds.
#pragma once

#include <functional>
#include <vector>

#include "data/tile.hpp"

namespace gmmpi {

/// Collective. Calls work(tile, values) for the tiles of this rank's blocks; it sets values[i][row] for each
/// of `n_sums` sums. Returns the totals of weight times value over all rows, rounded once, equal on all
/// ranks; added in the same way as a sweep's objective.
std::vector<double> sum_over_rows(const Execution& execution, const Data& data, int n_sums,
                                  const std::function<void(const Tile& tile, double* values)>& work);

}  // namespace gmmpi
