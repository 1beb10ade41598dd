// Lloyd: centres to the means of the rows nearest to them, once or until they stay.
#pragma once

#include <vector>

#include "em/safe_point.hpp"
#include "gmmpi/data/data.hpp"
#include "gmmpi/parallel/execution.hpp"

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

/// Collective. Lloyd's iterations on `centers` (K, d) until their squared shift is at most 1e-4 times the
/// mean column variance, or `n_iter`, which counts on, is `most`. A centre without rows moves to the row
/// farthest from its own.
void lloyd(const Execution& execution, const Data& data, double mean_column_variance,
           std::vector<double>& centers, int& n_iter, const SafePoint& safe_point, int most = 300);

}  // namespace gmmpi
