// What rows add to a component besides its count and plain moments.
#pragma once

#include <vector>

namespace gmmpi {

struct OwnSums {
  double largest_weight = 1.0;  ///< of a row of weight 1 in the moments, at most
  std::vector<double> bounds;   ///< for each sum: what a term of such a row is in size, at most
};

}  // namespace gmmpi
