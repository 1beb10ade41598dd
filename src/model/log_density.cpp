// LogDensity: the components' densities, and the noise's.
#include "model/log_density.hpp"

#include <algorithm>

namespace gmmpi {

LogDensity::LogDensity(const Mixture& m, const KernelTable& kernels)
    : mixture_(m),
      kernels_(kernels),
      n_components_(m.n_components),
      n_features_(m.n_features),
      components_(m.component->prepare(m, kernels)) {
  if (!m.noise) return;
  double log_weight = 0.0;
  log_weights(kernels, std::span(&m.noise->weight, 1), &log_weight);
  noise_ = m.noise->background->density(log_weight, m.log_volume, m.log_scales, kernels);
}

const RowwiseDensity* LogDensity::rowwise() const {
  if (!mixture_.component->has_rowwise_density()) return nullptr;
  std::call_once(rowwise_once_, [&] { rowwise_ = std::make_unique<RowwiseDensity>(mixture_, kernels_); });
  return rowwise_.get();
}

void LogDensity::mahalanobis(const Tile& tile, double* scratch, double* out) const {
  if (tile.is_partial()) return rowwise()->mahalanobis(tile, out);
  const Distances& distances = components_->distances();
  if (tile.n_rows() + kPad > kTile) return distances.first(n_features_, tile.xt(), scratch, out);
  for (int k = 0; k < n_components_; ++k) {  // the same bits, of fewer rows
    std::fill_n(out + std::int64_t{k} * kTile, kTile, 0.0);
    distances.rest(0, k, tile.n_rows(), tile.xt(), scratch, out + std::int64_t{k} * kTile);
  }
}

void LogDensity::log_joint(const Tile& tile, double* scratch, double* out) const {
  if (tile.is_partial()) return rowwise()->log_joint(tile, out);
  mahalanobis(tile, scratch, out);
  components_->log_joint(kernels_, out);
}

void LogDensity::log_shares(const Tile& tile, double* scratch, double* out) const {
  log_joint(tile, scratch, out);
  add_noise(tile, out);
}

void LogDensity::add_noise(const Tile& tile, double* out) const {
  if (!noise_) return;
  noise_(tile.xt(), tile.is_partial() ? tile.observed().mask : nullptr,
         out + std::int64_t{n_components_} * kTile);
}

void largest_shares(int n_shares, const double* shares, double* largest) {
  std::copy_n(shares, kTile, largest);
  for (int k = 1; k < n_shares; ++k) {
    shares += kTile;
    for (int r = 0; r < kTile; ++r) largest[r] = std::max(largest[r], shares[r]);
  }
}

void require_in_reach(const Tile& tile, const double* log_density, ExitCode code) {
  int n = 0;
  for (int r = 0; r < kTile; ++r) n += log_density[r] < kOutOfReach;
  for (int r = 0; n > 0 && r < tile.n_rows(); ++r)
    if (log_density[r] < kOutOfReach && tile.weights()[r] > 0.0)
      throw Error(code, "row " + std::to_string(tile.row(r)) +
                            " is so far from every component that squared distances exceed 1e300: remove "
                            "the row, give it sample weight 0, or use another model");
}

}  // namespace gmmpi
