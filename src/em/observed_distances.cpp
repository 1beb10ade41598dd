// ObservedDistances: gaps are filled with the centre.
#include "em/observed_distances.hpp"

#include <cmath>

namespace gmmpi {

void ObservedDistances::compute(const Tile& tile, int n, const double* centers, double* out) {
  if (filled_.empty()) {
    kernels_.squared_distances(d_, n, tile.xt(), centers, out);
    return;
  }
  for (int k = 0; k < n; ++k, centers += d_, out += kTile) {
    for (int e = 0; e < d_ * kTile; ++e) {
      const double x = tile.xt()[e];
      filled_[e] = std::isnan(x) ? centers[e / kTile] : x;
    }
    kernels_.squared_distances(d_, 1, filled_.data(), centers, out);
  }
}

}  // namespace gmmpi
