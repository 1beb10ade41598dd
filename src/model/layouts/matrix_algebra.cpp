// Eigen for factors and eigenvalues, triangular products by hand.
#include "model/layouts/matrix_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/pinned_eigen.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

}  // namespace

bool precision_factor(const double* covariance, int d, double* factor) {
  pin_eigen_blocking();
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

CovarianceLayout::Raised raise_matrix(bool has_factor, std::span<const double> floor, double* covariance,
                                      double* factor) {
  pin_eigen_blocking();
  const int d = static_cast<int>(floor.size());
  const Vector scale = Eigen::Map<const Vector>(floor.data(), d).cwiseSqrt();
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
  std::ranges::copy(upper_factor(root, d), factor);
  return {true, true};
}

Narrowest narrowest_of_factor(const double* factor, std::span<const double> unit) {
  pin_eigen_blocking();
  const auto d = static_cast<Eigen::Index>(unit.size());
  const Matrix scaled = Eigen::Map<const Vector>(unit.data(), d).cwiseSqrt().asDiagonal() *
                        Eigen::Map<const Matrix>(factor, d, d);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(scaled * scaled.transpose());
  Vector direction = solver.eigenvectors().col(d - 1);
  Eigen::Index largest = 0;
  direction.cwiseAbs().maxCoeff(&largest);
  if (direction[largest] < 0.0) direction = -direction;
  return {1.0 / solver.eigenvalues()[d - 1], {direction.data(), direction.data() + d}};
}

double condition_of_matrix(const double* covariance, int d) {
  const double largest_entry = *std::max_element(covariance, covariance + std::size_t(d) * d);
  const Matrix scaled = Eigen::Map<const Matrix>(covariance, d, d) / largest_entry;
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Matrix>(scaled, Eigen::EigenvaluesOnly).eigenvalues();
  const double least = values[0], most = values[d - 1];
  if (!(least > d * std::numeric_limits<double>::epsilon() * most))
    return std::numeric_limits<double>::infinity();
  return most / least;
}

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

void covariance_factor(const double* U, int d, double* L) {
  std::fill_n(L, std::size_t(d) * d, 0.0);
  for (int i = 0; i < d; ++i) {
    double* row = L + std::size_t(i) * d;
    row[i] = 1.0;
    for (int k = 0; k < i; ++k)
      for (int j = 0; j <= k; ++j) row[j] -= U[std::size_t(k) * d + i] * L[std::size_t(k) * d + j];
    for (int j = 0; j <= i; ++j) row[j] /= U[std::size_t(i) * d + i];
  }
}

std::vector<double> relative_factor(const double* U, const double* L, int d) {
  std::vector<double> B(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int k = 0; k <= i; ++k)
      for (int j = 0; j <= k; ++j)
        B[std::size_t(i) * d + j] += U[std::size_t(k) * d + i] * L[std::size_t(k) * d + j];
  return B;
}

void covariance_of(const double* L, const std::vector<double>& B, int d, double* covariance) {
  std::vector<double> product(std::size_t(d) * d), transposed(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int k = 0; k <= i; ++k)
      for (int j = 0; j <= k; ++j)
        product[std::size_t(i) * d + j] += L[std::size_t(i) * d + k] * B[std::size_t(k) * d + j];
  for (int i = 0; i < d; ++i)
    for (int j = 0; j <= i; ++j) transposed[std::size_t(j) * d + i] = product[std::size_t(i) * d + j];
  std::fill_n(covariance, std::size_t(d) * d, 0.0);
  for (int i = 0; i < d; ++i) {
    double* row = covariance + std::size_t(i) * d;
    for (int k = 0; k <= i; ++k)
      for (int j = k; j <= i; ++j)
        row[j] += product[std::size_t(i) * d + k] * transposed[std::size_t(k) * d + j];
    for (int j = 0; j < i; ++j) covariance[std::size_t(j) * d + i] = row[j];
  }
}

}  // namespace gmmpi
