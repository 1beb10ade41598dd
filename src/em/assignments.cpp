// Assignments, tile by tile.
#include "em/assignments.hpp"

#include <algorithm>
#include <cmath>

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
      density_.add_noise(tile, shares);
      assign_shares(tile, n_shares, scratch, shares, value);
      std::copy_n(shares, size, gamma);
    }
    gamma += size;
    value += std::int64_t{n_values()} * kTile;
  }
}

PartialAssignment MixtureAssignment::given(std::span<const int> observed,
                                           std::span<const int> missing) const {
  ObservedPart part = observed_part(mixture_, observed, missing, kernels());
  return {of(part.given), std::move(part.missing)};
}

/// |E[x_j | x_o] - mu_j| <= sqrt(Sigma_jj q_o), and q_o, the squared distance by the observed columns, is at
/// most that of the row with mu in its gaps.
void MixtureAssignment::raise_reach(const DataSummary& summary, std::span<const double> centers,
                                    std::span<double> reach) const {
  const Mixture& m = mixture_;
  const std::size_t d = m.n_features;
  std::vector<double> factor(d * d);
  for (int k = 0; k < m.n_components; ++k) {
    for (std::size_t j = 0; j < d; ++j)
      reach[k * d + j] = std::max(reach[k * d + j], std::abs(m.mean(k)[j] - centers[k * d + j]));
    if (m.n_covariances() == 0) continue;
    m.layout().factor_to_full(m.factor(k), m.n_features, factor.data());
    double distance = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      const double mean = m.mean(k)[i];
      const double farthest =
          std::max(std::abs(summary.maximum[i] - mean), std::abs(summary.minimum[i] - mean));
      double row = 0.0;
      for (std::size_t j = i; j < d; ++j) row += factor[i * d + j] * factor[i * d + j];
      distance += farthest * std::sqrt(row);
    }
    const std::vector<double> variance = m.layout().diagonal(m.covariance(k), m.n_features);
    for (std::size_t j = 0; j < d; ++j) reach[k * d + j] += std::sqrt(variance[j]) * (1.0 + distance);
  }
}

double MixtureAssignment::own_of_missing(int i, int k, int n_observed) const {
  return mixture_.component->own_of_missing(i, mixture_.own[k], n_observed, mixture_.n_features, kernels());
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

PartialAssignment NearestCenter::given(std::span<const int> observed, std::span<const int>) const {
  std::vector<double> centers;
  for (std::size_t first = 0; first < centers_.size(); first += d_)
    for (const int j : observed) centers.push_back(centers_[first + j]);
  return {std::make_unique<NearestCenter>(std::move(centers), static_cast<int>(observed.size()), kernels_)};
}

void RandomResponsibilities::assign_tile(const Tile& tile, double*, double* gamma, double* value) const {
  std::fill_n(value, kTile, 0.0);
  std::fill_n(gamma, std::size_t(K_) * kTile, 0.0);
  for (int r = 0; r < tile.n_rows(); ++r) {
    double sum = 0.0;
    for (int k = 0; k < K_; ++k) {
      gamma[std::size_t(k) * kTile + r] = uniform(seed_, Purpose::responsibilities, tile.row(r), k);
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
