// RowwiseDensity: a factorisation for every row and component, rows as lanes.
#include "model/rowwise_density.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "gmmpi/model/prepared.hpp"

namespace gmmpi {

namespace {

constexpr double kLog2Pi = 1.83787706640934548356;
constexpr double kMostDistance = 1e300;

}  // namespace

RowwiseDensity::RowwiseDensity(const Mixture& m, const KernelTable& kernels)
    : K_(m.n_components),
      d_(m.n_features),
      kernels_(kernels),
      means_(m.means.begin(), m.means.end()),
      covariances_(std::size_t(K_) * d_ * d_),
      constants_(K_),
      log_scales_(m.log_scales) {
  GMMPI_EXPECT(m.n_covariances() > 0);
  for (int k = 0; k < K_; ++k)
    m.layout().to_full(m.covariance(k), d_, covariances_.data() + std::size_t(k) * d_ * d_);
  log_weights(kernels, m.weights, constants_.data());
  for (double& c : constants_) c += m.log_volume;
}

/// Of component k; rows beyond the tile's end, of which the kernel makes anything, get 0.
void RowwiseDensity::distances(const Tile& tile, int k, double* scratch, double* q, double* log_det) const {
  kernels_.observed_density(tile.observed(), mean(k), covariance(k), scratch, q, log_det);
  std::fill(q + tile.n_rows(), q + kTile, 0.0);
  std::fill(log_det + tile.n_rows(), log_det + kTile, 0.0);
}

void RowwiseDensity::mahalanobis(const Tile& tile, double* out) const {
  AlignedDoubles scratch(observed_scratch(d_));
  alignas(64) double log_det[kTile];
  for (int k = 0; k < K_; ++k) distances(tile, k, scratch.data(), out + std::int64_t{k} * kTile, log_det);
}

void RowwiseDensity::log_joint(const Tile& tile, double* out) const {
  AlignedDoubles scratch(observed_scratch(d_));
  alignas(64) double q[kTile], log_det[kTile];
  for (int k = 0; k < K_; ++k, out += kTile) {
    distances(tile, k, scratch.data(), q, log_det);
    for (int r = 0; r < kTile; ++r)
      out[r] = constants_[k] -
               0.5 * (std::min(q[r], kMostDistance) + (log_det[r] + kLog2Pi * tile.n_observed()[r]));
    const double* mask = tile.observed().mask;
    for (std::size_t j = 0; j < log_scales_.size() && mask; ++j, mask += kTile)  // what is missing has none
      for (int r = 0; r < kTile; ++r) out[r] -= (1.0 - mask[r]) * log_scales_[j];
  }
}

}  // namespace gmmpi
