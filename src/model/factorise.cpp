// Precision factors from covariances: Cholesky factorisation and triangular inverse.
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmpi/model/mixture.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Eigen chooses blocking by the size of the processor's caches; fixed sizes give the same bits everywhere.
void pin_eigen_blocking() {
  [[maybe_unused]] static const bool pinned = [] {
    Eigen::setCpuCacheSizes(32 * 1024, 512 * 1024, 4 * 1024 * 1024);
    return true;
  }();
}

/// U with (U U^T)^-1 = covariance, from the factor of the covariance scaled by powers of two (exactly) to
/// variances near 1, so that units play no part. False if not positive definite.
bool precision_factor(const double* covariance, int d, double* factor) {
  Eigen::VectorXd unit(d);
  for (int j = 0; j < d; ++j) {
    const double variance = covariance[std::size_t(j) * d + j];
    if (!(variance > 0.0) || !std::isfinite(variance)) return false;
    unit[j] = std::ldexp(1.0, -std::ilogb(variance) / 2);
  }
  Matrix scaled = Eigen::Map<const Matrix>(covariance, d, d);
  scaled = unit.asDiagonal() * scaled * unit.asDiagonal();
  const Eigen::LLT<Matrix> cholesky(scaled);
  if (cholesky.info() != Eigen::Success) return false;
  const double smallest = 4.0 * d * std::numeric_limits<double>::epsilon();
  for (int j = 0; j < d; ++j) {
    const double pivot = cholesky.matrixLLT()(j, j);
    if (!(pivot * pivot > smallest * scaled(j, j))) return false;
  }
  Matrix inverse = Matrix::Identity(d, d);
  cholesky.matrixL().solveInPlace(inverse);
  Eigen::Map<Matrix> out(factor, d, d);
  out.setZero();
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) out(i, j) = inverse(j, i) * unit[i];
  return true;
}

double log_of(double x, const KernelTable& kernels) {
  double out = 0.0;
  kernels.log(1, &x, &out);
  return out;
}

/// Variances to inverse standard deviations; false if one is not positive.
bool invert_scales(const double* variance, std::size_t n, double* scale) {
  for (std::size_t j = 0; j < n; ++j) {
    if (!(variance[j] >= std::numeric_limits<double>::min()) || !std::isfinite(variance[j])) return false;
    scale[j] = 1.0 / std::sqrt(variance[j]);
  }
  return true;
}

}  // namespace

std::vector<int> factorise(Mixture& m, const KernelTable& kernels) {
  pin_eigen_blocking();
  const int K = m.n_components, d = m.n_features;
  const bool shared = m.shape() == PrecisionShape::shared_dense;
  const bool dense = shared || m.shape() == PrecisionShape::dense;
  const std::size_t stride = covariance_stride(m.shape(), d);
  m.precisions_cholesky.assign(m.covariances.size(), 0.0);
  m.log_det.assign(K, 0.0);
  std::vector<int> bad;
  for (int k = 0; k < (shared ? 1 : K); ++k) {
    const double* covariance = m.covariances.data() + k * stride;
    double* factor = m.precisions_cholesky.data() + k * stride;
    if (!(dense ? precision_factor(covariance, d, factor) : invert_scales(covariance, stride, factor))) {
      bad.push_back(k);
      continue;
    }
    const std::size_t step = dense ? d + 1 : 1;
    for (std::size_t e = 0; e < stride; e += step) m.log_det[k] += log_of(factor[e], kernels);
    if (m.shape() == PrecisionShape::spherical) m.log_det[k] *= d;
  }
  if (!shared) return bad;
  m.log_det.assign(K, m.log_det[0]);
  if (bad.empty()) return bad;
  bad.resize(K);
  std::iota(bad.begin(), bad.end(), 0);
  return bad;
}

}  // namespace gmmpi
