// Assignments, tile by tile.
#include "em/assignments.hpp"

#include <algorithm>

#include "data/random.hpp"

namespace gmmpi {

void Posterior::assign(const Tile& tile, double* scratch, double* gamma, double* value) const {
  density_.log_joint(tile, scratch, gamma);
  kernels_.responsibilities(n_components(), tile.weights(), kLeastLogShare, gamma, value);
}

void NearestCenter::assign(const Tile& tile, double*, double* gamma, double* value) const {
  kernels_.squared_distances(d_, n_components(), tile.xt(), centers_.data(), gamma);
  kernels_.assign_nearest(n_components(), tile.weights(), gamma, value);
}

void RandomResponsibilities::assign(const Tile& tile, double*, double* gamma, double* value) const {
  std::fill_n(value, kTile, 0.0);
  std::fill_n(gamma, std::size_t(K_) * kTile, 0.0);
  for (int r = 0; r < tile.n_rows(); ++r) {
    double sum = 0.0;
    for (int k = 0; k < K_; ++k) {
      gamma[std::size_t(k) * kTile + r] = uniform(seed_, Purpose::responsibilities, tile.first_row() + r, k);
      sum += gamma[std::size_t(k) * kTile + r];
    }
    for (int k = 0; k < K_; ++k) gamma[std::size_t(k) * kTile + r] *= tile.weights()[r] / sum;
  }
}

void AllRows::assign(const Tile& tile, double*, double* gamma, double* value) const {
  std::copy_n(tile.weights(), kTile, gamma);
  std::fill_n(value, kTile, 0.0);
}

}  // namespace gmmpi
