// condition_numbers.
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <limits>

#include "gmmpi/inference/diagnostics.hpp"
#include "model/pinned_eigen.hpp"

namespace gmmpi {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double of_matrix(const double* covariance, int d) {
  const double largest_entry = *std::max_element(covariance, covariance + std::size_t(d) * d);
  const Matrix scaled = Eigen::Map<const Matrix>(covariance, d, d) / largest_entry;
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Matrix>(scaled, Eigen::EigenvaluesOnly).eigenvalues();
  const double least = values[0], most = values[d - 1];
  if (!(least > d * std::numeric_limits<double>::epsilon() * most))
    return std::numeric_limits<double>::infinity();
  return most / least;
}

}  // namespace

std::vector<double> condition_numbers(const Mixture& m) {
  if (m.shape() == PrecisionShape::none) return {};
  if (m.shape() == PrecisionShape::spherical) return std::vector<double>(m.n_components, 1.0);
  std::vector<double> conditions;
  const std::size_t stride = covariance_stride(m.shape(), m.n_features);
  for (auto c = m.covariances.begin(); c != m.covariances.end(); c += stride) {
    if (m.shape() == PrecisionShape::diagonal) {
      const auto [least, most] = std::minmax_element(c, c + stride);
      conditions.push_back(*most / *least);
    } else {
      conditions.push_back(of_matrix(&*c, m.n_features));
    }
  }
  return conditions;
}

}  // namespace gmmpi
