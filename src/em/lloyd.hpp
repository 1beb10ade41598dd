// One iteration of Lloyd: centres to the means of the rows nearest to them.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

struct LloydStep {
  std::vector<double> centers;  ///< (K, d)
  double squared_shift = 0.0;   ///< summed over the centres with rows
  int moved = -1;               ///< the first centre without rows, if any: it is at `row` now
  Index row = -1;
};

/// Collective. From `centers` and ClusterSums of them to the means. Bishop (2006), eq. 9.4. A centre without
/// rows moves to the row farthest from its own centre; one at a time, since the next sweep tells whether
/// others still have none.
LloydStep lloyd_step(const Execution& execution, const Data& data, const std::vector<double>& centers,
                     const std::vector<double>& sums);

}  // namespace gmmpi
