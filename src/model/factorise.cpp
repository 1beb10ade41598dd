// Precision factors from covariances: Cholesky factorisation and triangular inverse.
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmpi/model/mixture.hpp"
#include "kernels/table.hpp"
#include "model/pinned_eigen.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// U with (U U^T)^-1 = covariance, from the factor of the covariance scaled by powers of two (exactly) to
/// variances near 1, so that units play no part. False if not positive definite.
bool precision_factor(const double* covariance, int d, double* factor) {
  Eigen::VectorXd unit(d);
  for (int j = 0; j < d; ++j) {
    const double variance = covariance[std::size_t(j) * d + j];
    if (!(variance >= std::numeric_limits<double>::min()) || !std::isfinite(variance)) return false;
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

bool is_dense(const Mixture& m) {
  return m.shape() == PrecisionShape::dense || m.shape() == PrecisionShape::shared_dense;
}

double log_det_of_factor(const Mixture& m, int k, const KernelTable& kernels) {
  const std::size_t stride = covariance_stride(m.shape(), m.n_features);
  const double* factor = m.precisions_cholesky.data() + k * stride;
  double sum = 0.0;
  for (std::size_t e = 0; e < stride; e += is_dense(m) ? m.n_features + 1 : 1) sum += log_of(factor[e], kernels);
  return m.shape() == PrecisionShape::spherical ? sum * m.n_features : sum;
}

/// Component k's factor and log determinant (those of the shared covariance for k = 0). False if it is not
/// positive definite.
bool factorise_component(Mixture& m, int k, const KernelTable& kernels) {
  if (m.shape() == PrecisionShape::none) return true;
  const int d = m.n_features;
  const std::size_t stride = covariance_stride(m.shape(), d);
  const double* covariance = m.covariances.data() + k * stride;
  double* factor = m.precisions_cholesky.data() + k * stride;
  if (!std::ranges::binary_search(m.floored, k) &&
      !(is_dense(m) ? precision_factor(covariance, d, factor) : invert_scales(covariance, stride, factor)))
    return false;
  m.log_det[k] = log_det_of_factor(m, k, kernels);
  return true;
}

void clear_factors(Mixture& m) {
  pin_eigen_blocking();
  if (m.floored.empty()) m.precisions_cholesky.assign(m.covariances.size(), 0.0);
  m.log_det.assign(m.n_components, 0.0);
}

constexpr double kLeastToThread = 1e6, kLeastToShare = 3e7;  ///< multiplications

}  // namespace

void complete_factors(Mixture& m, const KernelTable& kernels) {
  const bool shared = m.shape() == PrecisionShape::shared_dense;
  for (int k = 0; k < m.n_components; ++k)
    m.log_det[k] = shared && k > 0 ? m.log_det[0] : log_det_of_factor(m, k, kernels);
}

std::vector<int> factorise(Mixture& m, const KernelTable& kernels) {
  clear_factors(m);
  const bool shared = m.shape() == PrecisionShape::shared_dense;
  std::vector<int> bad;
  for (int k = 0; k < (shared ? 1 : m.n_components); ++k)
    if (!factorise_component(m, k, kernels)) bad.push_back(k);
  if (!shared) return bad;
  m.log_det.assign(m.n_components, m.log_det[0]);
  if (bad.empty()) return bad;
  bad.resize(m.n_components);
  std::iota(bad.begin(), bad.end(), 0);
  return bad;
}

std::vector<int> factorise(Mixture& m, const Execution& execution) {
  const Communicator& comm = execution.comm;
  const int K = m.n_components;
  const double work = K * std::pow(m.n_features, 3.0);
  if (m.shape() != PrecisionShape::dense || K == 1 || work < kLeastToThread)
    return factorise(m, *execution.kernels);
  const bool share = comm.size() > 1 && work >= kLeastToShare;
  const int first = share ? comm.rank() : 0, step = share ? comm.size() : 1;
  clear_factors(m);
  std::vector<char> good(K);
  const auto factorise_mine = [&] {
    for_each_index(0, (K - first + step - 1) / step, execution.n_threads, [&](std::int64_t i, int) {
      const int k = first + static_cast<int>(i) * step;
      good[k] = factorise_component(m, k, *execution.kernels);
    });
  };
  if (!share) {
    factorise_mine();
  } else {
    comm.together(factorise_mine);
    std::vector<double> mine;  // per component: good, ln det, factor
    const std::size_t size = covariance_stride(m.shape(), m.n_features);
    for (int k = first; k < K; k += step) {
      mine.push_back(good[k]);
      mine.push_back(m.log_det[k]);
      mine.insert(mine.end(), m.precisions_cholesky.begin() + k * size,
                  m.precisions_cholesky.begin() + (k + 1) * size);
    }
    const std::vector<double> all = comm.all_gather(std::span<const double>(mine));
    const double* next = all.data();
    for (int rank = 0; rank < comm.size(); ++rank)
      for (int k = rank; k < K; k += step) {
        good[k] = *next++ != 0.0;
        m.log_det[k] = *next++;
        std::copy_n(next, size, m.precisions_cholesky.data() + k * size);
        next += size;
      }
  }
  std::vector<int> bad;
  for (int k = 0; k < K; ++k)
    if (!good[k]) bad.push_back(k);
  return bad;
}

}  // namespace gmmpi
