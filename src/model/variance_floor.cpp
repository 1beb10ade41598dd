// The floor under covariances, by eigenvalues where they are dense.
#include "model/variance_floor.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/pinned_eigen.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

bool is_dense(const Mixture& m) {
  return m.shape() == PrecisionShape::dense || m.shape() == PrecisionShape::shared_dense;
}

/// The trace of F Sigma_k^-1, which is no less than the largest eigenvalue of F^1/2 Sigma_k^-1 F^1/2.
double floor_in_precision(const Mixture& m, int k, std::span<const double> floor) {
  const std::size_t d = floor.size();
  const double* u = m.precisions_cholesky.data() + k * d * d;
  double trace = 0.0;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = i; j < d; ++j) trace += floor[i] * u[i * d + j] * u[i * d + j];
  return trace;
}

/// What became of a covariance.
struct Raised {
  bool finite = true;
  bool changed = false;
};

/// Raises the eigenvalues of a dense covariance, and makes its factor from them: the covariance's own
/// rounding, large against the floor, would show in a Cholesky factor.
Raised raise_dense(Mixture& m, int k, bool has_factor, std::span<const double> floor) {
  const int d = m.n_features;
  const Vector scale = Eigen::Map<const Vector>(floor.data(), d).cwiseSqrt();
  double* covariance = m.covariances.data() + std::size_t(k) * d * d;
  Eigen::Map<Matrix> sigma(covariance, d, d);
  const Matrix scaled = scale.cwiseInverse().asDiagonal() * sigma * scale.cwiseInverse().asDiagonal();
  if (!scaled.allFinite()) return {false, false};
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(scaled);
  if (solver.info() != Eigen::Success) return {false, false};
  if (has_factor && solver.eigenvalues()[0] >= 1.0) return {};
  const Vector values = solver.eigenvalues().cwiseMax(1.0);  // ascending
  const Matrix vectors = scale.asDiagonal() * solver.eigenvectors();
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) {
      double sum = 0.0;
      for (int l = 0; l < d; ++l) sum += vectors(i, l) * values[l] * vectors(j, l);
      sigma(i, j) = sigma(j, i) = sum;
    }
  std::vector<double> root(std::size_t(d) * d);  // F^-1/2 V Lambda^-1/2, whose square is the precision
  for (int i = 0; i < d; ++i)
    for (int l = 0; l < d; ++l)
      root[std::size_t(i) * d + l] = solver.eigenvectors()(i, l) / (scale[i] * std::sqrt(values[l]));
  std::ranges::copy(upper_factor(root, d), m.precisions_cholesky.begin() + std::ptrdiff_t{k} * d * d);
  return {true, true};
}

/// Diagonal and spherical covariances: variances below the floor become it. Returns their components.
std::vector<int> raise_variances(Mixture& m, std::span<const double> floor) {
  std::vector<int> raised;
  const bool spherical = m.shape() == PrecisionShape::spherical;
  const std::size_t stride = spherical ? 1 : floor.size();
  const double mean = mean_of(floor);
  for (std::size_t e = 0; e < m.covariances.size(); ++e) {
    const double least = spherical ? mean : floor[e % stride];
    if (!(m.covariances[e] < least)) continue;
    m.covariances[e] = least;
    const int k = static_cast<int>(e / stride);
    if (raised.empty() || raised.back() != k) raised.push_back(k);
  }
  return raised;
}

void raise_matrices(Mixture& m, std::vector<int>& singular, std::span<const double> floor,
                    const Execution& execution) {
  const bool shared = m.shape() == PrecisionShape::shared_dense;
  std::vector<int> narrow;
  for (int k = 0; k < (shared ? 1 : m.n_components); ++k)
    if (std::ranges::binary_search(singular, k) || !(floor_in_precision(m, k, floor) <= 1.0))
      narrow.push_back(k);
  std::vector<Raised> raised(narrow.size());
  for_each_index(0, std::ssize(narrow), execution.n_threads, [&](std::int64_t i, int) {
    raised[i] = raise_dense(m, narrow[i], !std::ranges::binary_search(singular, narrow[i]), floor);
  });
  singular.clear();
  for (std::size_t i = 0; i < narrow.size(); ++i)
    for (int k = shared ? 0 : narrow[i]; k < (shared ? m.n_components : narrow[i] + 1); ++k) {
      if (!raised[i].finite) singular.push_back(k);
      if (raised[i].changed) m.floored.push_back(k);
    }
}

}  // namespace

std::vector<double> upper_factor(const std::vector<double>& b, int d) {
  pin_eigen_blocking();
  // With J the reversal of rows, (J B)^T = Q R gives B B^T = (J R^T J)(J R^T J)^T.
  const Matrix reversed = Eigen::Map<const Matrix>(b.data(), d, d).colwise().reverse().transpose();
  const Eigen::HouseholderQR<Matrix> qr(reversed);
  std::vector<double> u(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) {
      const double entry = qr.matrixQR()(d - 1 - j, d - 1 - i);
      u[std::size_t(i) * d + j] = qr.matrixQR()(d - 1 - j, d - 1 - j) < 0.0 ? -entry : entry;
    }
  return u;
}

std::vector<int> factorise_above(Mixture& m, std::span<const double> floor, const Execution& execution) {
  m.floored.clear();
  if (floor.empty() || m.shape() == PrecisionShape::none) return factorise(m, execution);
  if (!is_dense(m)) {
    const std::vector<int> raised = raise_variances(m, floor);
    std::vector<int> singular = factorise(m, execution);
    m.floored = raised;
    return singular;
  }
  std::vector<int> singular = factorise(m, execution);
  raise_matrices(m, singular, floor, execution);
  if (!m.floored.empty()) complete_factors(m, *execution.kernels);
  return singular;
}

Narrowest narrowest_direction(const Mixture& m, int k, std::span<const double> unit) {
  const std::size_t d = m.n_features;
  Narrowest out;
  out.direction.assign(d, 0.0);
  if (!is_dense(m)) {
    const bool spherical = m.shape() == PrecisionShape::spherical;
    const double* variance = m.covariances.data() + (spherical ? k : k * d);
    std::size_t least = 0;
    const auto share = [&](std::size_t j) {
      return spherical ? variance[0] / mean_of(unit) : variance[j] / unit[j];
    };
    for (std::size_t j = 1; j < d && !spherical; ++j)
      if (share(j) < share(least)) least = j;
    out.variance = share(least);
    out.direction[least] = 1.0;
    return out;
  }
  pin_eigen_blocking();
  const double* factor = m.precisions_cholesky.data() + (m.shape() == PrecisionShape::dense ? k * d * d : 0);
  const Matrix scaled = Eigen::Map<const Vector>(unit.data(), unit.size()).cwiseSqrt().asDiagonal() *
                        Eigen::Map<const Matrix>(factor, m.n_features, m.n_features);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(scaled * scaled.transpose());
  out.variance = 1.0 / solver.eigenvalues()[m.n_features - 1];
  Vector direction = solver.eigenvectors().col(m.n_features - 1);
  Eigen::Index largest = 0;
  direction.cwiseAbs().maxCoeff(&largest);
  if (direction[largest] < 0.0) direction = -direction;
  std::copy_n(direction.data(), d, out.direction.begin());
  return out;
}

}  // namespace gmmpi
