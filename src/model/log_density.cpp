// LogDensity: preparing factors, and dispatch by precision shape.
#include "model/log_density.hpp"

#include <algorithm>
#include <limits>

namespace gmmpi {

namespace {

constexpr double kLogOfZero = -1417.0;
constexpr double kHalfLog2Pi = 0.91893853320467274178;

/// ln w, also of denormal numbers; ln 0 = -infinity: such a share is exactly zero, whatever the distance.
void log_weights(const KernelTable& kernels, std::span<const double> weights, double* out) {
  constexpr double least = std::numeric_limits<double>::min(), log_scale = 44.3614195558364998;  // ln 2^64
  std::vector<double> normal(weights.begin(), weights.end());
  for (double& w : normal) w = w >= least ? w : w > 0.0 ? w * 0x1p64 : 1.0;
  kernels.log(std::ssize(normal), normal.data(), out);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] == 0.0) out[k] = -std::numeric_limits<double>::infinity();
    if (weights[k] > 0.0 && weights[k] < least) out[k] -= log_scale;
  }
}

/// Columns in groups of kFactorColumns, each group row by row down to its diagonal; zeros below it.
void pack_factor(const double* factor, int d, double* out) {
  for (int j = 0; j < d; j += kFactorColumns)
    for (int i = 0; i < std::min(d, j + kFactorColumns); ++i)
      for (int c = 0; c < kFactorColumns; ++c)
        *out++ = j + c < d && i <= j + c ? factor[std::size_t(i) * d + j + c] : 0.0;
}

}  // namespace

LogDensity::LogDensity(const Mixture& m, const KernelTable& kernels)
    : kernels_(kernels),
      shape_(m.shape()),
      n_components_(m.n_components),
      n_features_(m.n_features),
      means_(m.means.begin(), m.means.end()),
      constants_(m.n_components) {
  const int K = n_components_, d = n_features_;
  log_weights(kernels, m.weights, constants_.data());
  if (shape_ == PrecisionShape::none) {
    set_log_probabilities();
    return;
  }
  for (int k = 0; k < K; ++k) constants_[k] += m.log_det[k] - d * kHalfLog2Pi + m.log_volume;
  if (m.noise) {
    log_weights(kernels, std::span(&m.noise->weight, 1), &log_noise_.emplace());
    *log_noise_ += m.log_volume - m.noise->log_volume;
  }
  if (shape_ == PrecisionShape::diagonal) {
    factors_.assign(m.precisions_cholesky.begin(), m.precisions_cholesky.end());
  } else if (shape_ == PrecisionShape::spherical) {
    for (const double scale : m.precisions_cholesky) factors_.insert(factors_.end(), d, scale);
  } else {
    const std::size_t size = packed_factor_size(d);
    const int n = shape_ == PrecisionShape::shared_dense ? 1 : K;
    factors_.resize(n * size);
    for (int k = 0; k < n; ++k)
      pack_factor(m.precisions_cholesky.data() + std::size_t(k) * d * d, d, factors_.data() + k * size);
  }
}

/// factors_ (K x 2 d): -2 ln mu, then -2 ln(1 - mu). ln 0 counts as that of the least normal number, squared:
/// finite, and far from what any possible row has.
void LogDensity::set_log_probabilities() {
  const std::size_t d = n_features_;
  factors_.assign(2 * means_.size(), 0.0);
  for (std::size_t e = 0; e < means_.size(); ++e) {
    double* one = factors_.data() + e / d * 2 * d + e % d;
    for (double* factor : {one, one + d}) {
      const double p = factor == one ? means_[e] : 1.0 - means_[e];
      kernels_.log(1, &p, factor);
      *factor = -2.0 * (p >= std::numeric_limits<double>::min() ? *factor : kLogOfZero);
    }
  }
}

const double* LogDensity::factor(int k) const {
  const std::int64_t size = is_dense()                       ? packed_factor_size(n_features_)
                            : shape_ == PrecisionShape::none ? 2 * n_features_
                                                             : n_features_;
  return factors_.data() + (shape_ == PrecisionShape::shared_dense ? 0 : k * size);
}

void LogDensity::mahalanobis(const Tile& tile, double* scratch, double* out) const {
  first_mahalanobis(n_features_, tile, scratch, out);
}

void LogDensity::first_mahalanobis(int columns, const Tile& tile, double* scratch, double* out) const {
  const int K = n_components_, d = n_features_;
  if (shape_ == PrecisionShape::none) {
    std::fill_n(out, std::int64_t{K} * kTile, 0.0);
    for (int k = 0; k < K; ++k)
      kernels_.bernoulli_distances(0, columns, kTile, tile.xt(), factor(k), factor(k) + d,
                                   out + std::int64_t{k} * kTile);
    return;
  }
  if (!is_dense()) {
    kernels_.mahalanobis_diagonal(columns, d, K, tile.xt(), means_.data(), factors_.data(), out);
    return;
  }
  // The leading columns of a packed factor are the packed leading factor.
  for (int k = 0; k < K; ++k)
    kernels_.mahalanobis_dense(columns, tile.xt(), means_.data() + std::size_t(k) * d, factor(k), scratch,
                               out + std::size_t(k) * kTile);
}

void LogDensity::rest_mahalanobis(int columns, int k, const double* const* rows, int n_rows, double* xt,
                                  double* scratch, double* distances) const {
  const double* mean = means_.data() + std::int64_t{k} * n_features_;
  kernels_.transpose_rows(n_features_, rows, n_rows, xt);
  if (is_dense())
    kernels_.mahalanobis_dense_rest(columns, n_features_, n_rows, xt, mean,
                                    factor(k) + packed_factor_size(columns), scratch, distances);
  else if (shape_ == PrecisionShape::none)
    kernels_.bernoulli_distances(columns, n_features_, n_rows, xt, factor(k), factor(k) + n_features_,
                                 distances);
  else
    kernels_.mahalanobis_diagonal_rest(columns, n_features_, n_rows, xt, mean, factor(k), distances);
}

void LogDensity::log_joint(const Tile& tile, double* scratch, double* out) const {
  mahalanobis(tile, scratch, out);
  kernels_.log_joint(n_components_, constants_.data(), out);
}

void LogDensity::log_shares(const Tile& tile, double* scratch, double* out) const {
  log_joint(tile, scratch, out);
  add_noise(out);
}

void require_in_reach(const Tile& tile, const double* log_density, ExitCode code) {
  int n = 0;
  for (int r = 0; r < kTile; ++r) n += log_density[r] < kOutOfReach;
  for (int r = 0; n > 0 && r < tile.n_rows(); ++r)
    if (log_density[r] < kOutOfReach && tile.weights()[r] > 0.0)
      throw Error(code, "row " + std::to_string(tile.first_row() + r) +
                            " is so far from every component that squared distances exceed 1e300: remove "
                            "the row, give it sample weight 0, or use another model");
}

void LogDensity::add_noise(double* out) const {
  if (log_noise_) std::fill_n(out + std::int64_t{n_components_} * kTile, kTile, *log_noise_);
}

}  // namespace gmmpi
