// Assignments, tile by tile.
#include "em/assignments.hpp"

#include <algorithm>

#include "data/random.hpp"

namespace gmmpi {

void Posterior::assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const {
  pruned_.log_joint(tiles, least_log_share_, scratch, gamma);
  for (const Tile& tile : tiles) {
    density_.kernels().responsibilities(n_components(), tile.weights(), least_log_share_, gamma, value);
    gamma += std::int64_t{n_components()} * kTile;
    value += kTile;
  }
}

std::size_t HardPosterior::scratch_size() const {
  return std::max(pruned_.scratch_size(), std::size_t(n_components()) * kTile);
}

void HardPosterior::assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const {
  const KernelTable& kernels = density_.kernels();
  const std::int64_t size = std::int64_t{n_components()} * kTile;
  pruned_.log_joint(tiles, least_log_share_, scratch, gamma);
  for (const Tile& tile : tiles) {
    std::copy_n(gamma, size, scratch);
    kernels.responsibilities(n_components(), tile.weights(), least_log_share_, scratch, value + kTile);
    for (std::int64_t e = 0; e < size; ++e) gamma[e] = -gamma[e];
    kernels.assign_nearest(n_components(), tile.weights(), gamma, value);
    for (int r = 0; r < kTile; ++r) value[r] = -value[r];
    gamma += size;
    value += 2 * kTile;
  }
}

void NearestCenter::assign_tile(const Tile& tile, double*, double* gamma, double* value) const {
  kernels_.squared_distances(d_, n_components(), tile.xt(), centers_.data(), gamma);
  kernels_.assign_nearest(n_components(), tile.weights(), gamma, value);
}

void RandomResponsibilities::assign_tile(const Tile& tile, double*, double* gamma, double* value) const {
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

void AllRows::assign_tile(const Tile& tile, double*, double* gamma, double* value) const {
  std::copy_n(tile.weights(), kTile, gamma);
  std::fill_n(value, kTile, 0.0);
}

}  // namespace gmmpi
