// Assignments, tile by tile.
#include "em/assignments.hpp"

#include <algorithm>

#include "data/random.hpp"

namespace gmmpi {

std::size_t MixtureAssignment::scratch_size() const {
  const std::size_t shares = std::size_t(density_.n_shares()) * kTile;
  return std::max({pruned_.scratch_size(), 2 * shares, density_.scratch_size() + shares});
}

void MixtureAssignment::weigh(const Tile& tile, double* scratch, double* gamma, double* own) const {
  double* distances = scratch + density_.scratch_size();
  density_.mahalanobis(tile, scratch, distances);
  density_.components().weigh(kernels(), distances, gamma, own);
}

void MixtureAssignment::assign(std::span<const Tile> tiles, double* scratch, double* gamma,
                               double* value) const {
  const int K = density_.n_components(), n_shares = density_.n_shares();
  const std::int64_t size = std::int64_t{K} * kTile;
  pruned_.log_joint(tiles, least_log_share_, scratch, gamma);
  for (const Tile& tile : tiles) {
    if (n_shares == K) {
      assign_shares(tile, K, scratch, gamma, value);
    } else {  // there is no room for the noise's row in gamma
      double* shares = scratch + std::int64_t{n_shares} * kTile;
      std::copy_n(gamma, size, shares);
      density_.add_noise(shares);
      assign_shares(tile, n_shares, scratch, shares, value);
      std::copy_n(shares, size, gamma);
    }
    gamma += size;
    value += std::int64_t{n_values()} * kTile;
  }
}

void Posterior::assign_shares(const Tile& tile, int n_shares, double*, double* shares, double* value) const {
  double largest[kTile];
  if (with_entropy_) largest_shares(n_shares, shares, largest);
  kernels().responsibilities(n_shares, tile.weights(), least_log_share(), shares, value);
  for (int r = 0; with_entropy_ && r < kTile; ++r) value[kTile + r] = value[r] - largest[r];
}

void HardPosterior::assign_shares(const Tile& tile, int n_shares, double* scratch, double* shares,
                                  double* value) const {
  const std::int64_t size = std::int64_t{n_shares} * kTile;
  std::copy_n(shares, size, scratch);
  kernels().responsibilities(n_shares, tile.weights(), least_log_share(), scratch, value + kTile);
  for (std::int64_t e = 0; e < size; ++e) shares[e] = -shares[e];
  kernels().assign_nearest(n_shares, tile.weights(), shares, value);
  for (int r = 0; r < kTile; ++r) value[r] = -value[r];
  for (int r = 0; r < kTile; ++r) value[2 * kTile + r] = value[kTile + r] - value[r];
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
