// Volumes, shapes and orientations by eigenvalues and eigenvectors.
#include "support/structure_letters.hpp"

#include <algorithm>
#include <cmath>

namespace letters {

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

double volume(const MatrixXd& m) {
  return std::pow(m.determinant(), 1.0 / static_cast<double>(m.rows()));
}

VectorXd eigenvalues(const MatrixXd& m) {
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(m).eigenvalues();
}

/// Over the product of standard deviations.
double largest_entry(const MatrixXd& difference, const MatrixXd& scale) {
  const VectorXd sd = scale.diagonal().cwiseSqrt();
  return (sd.cwiseInverse().asDiagonal() * difference * sd.cwiseInverse().asDiagonal()).cwiseAbs().maxCoeff();
}

double violation_of_shape(const Matrices& unit, char shape, char orientation) {
  double worst = 0.0;
  for (const MatrixXd& m : unit) {
    if (shape == 'I') worst = std::max(worst, (eigenvalues(m).array() - 1.0).abs().maxCoeff());
    if (shape == 'E' && orientation == 'V')
      worst = std::max(worst, (eigenvalues(m).array() / eigenvalues(unit[0]).array() - 1.0).abs().maxCoeff());
    if (shape == 'E' && orientation != 'V') worst = std::max(worst, largest_entry(m - unit[0], m));
  }
  return worst;
}

/// exp of a random skew-symmetric matrix of that size, or of a symmetric one without trace.
MatrixXd random_map(Eigen::Index d, bool rotation, double size, const std::function<double()>& normal) {
  MatrixXd g(d, d);
  for (Eigen::Index e = 0; e < g.size(); ++e) g.data()[e] = size * normal();
  MatrixXd step = rotation ? MatrixXd(g - g.transpose()) : MatrixXd(g + g.transpose());
  if (!rotation) step.diagonal().array() -= step.trace() / static_cast<double>(d);
  MatrixXd sum = MatrixXd::Identity(d, d), term = sum;
  for (int i = 1; i < 20; ++i) sum += term = term * step / i;
  return sum;
}

VectorXd random_shape(Eigen::Index d, double size, const std::function<double()>& normal) {
  VectorXd logs(d);
  for (double& log : logs) log = size * normal();
  logs.array() -= logs.mean();
  return logs.array().exp();
}

MatrixXd with_eigenvalues_scaled(const MatrixXd& m, const VectorXd& factors) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(m);
  return solver.eigenvectors() * solver.eigenvalues().cwiseProduct(factors).asDiagonal() *
         solver.eigenvectors().transpose();
}

}  // namespace

Matrices covariances_of(const gmmpi::Mixture& mixture) {
  Matrices out;
  for (int k = 0; k < mixture.n_components; ++k) {
    const std::vector<double> full = gmmpi::full_covariance(mixture, k);
    out.emplace_back(Eigen::Map<const MatrixXd>(full.data(), mixture.n_features, mixture.n_features));
  }
  return out;
}

double violation(const Matrices& covariances, std::string_view letters) {
  double worst = 0.0;
  Matrices unit;
  for (const MatrixXd& m : covariances) {
    unit.push_back(m / volume(m));
    if (letters[0] == 'E') worst = std::max(worst, std::abs(volume(m) / volume(covariances[0]) - 1.0));
  }
  worst = std::max(worst, violation_of_shape(unit, letters[1], letters[2]));
  for (const MatrixXd& m : unit) {
    if (letters[2] == 'I') worst = std::max(worst, largest_entry(m - MatrixXd(m.diagonal().asDiagonal()), m));
    if (letters[2] == 'E')  // matrices with the same eigenvectors commute
      worst = std::max(worst, (m * unit[0] - unit[0] * m).norm() / (m * unit[0]).norm());
  }
  return worst;
}

Matrices moved(const Matrices& covariances, std::string_view letters, double size,
               const std::function<double()>& normal) {
  const Eigen::Index d = covariances[0].rows();
  const char volume = letters[0], shape = letters[1], orientation = letters[2];
  const double common_volume = std::exp(size * normal());
  const VectorXd common_shape = random_shape(d, size, normal);
  const MatrixXd common_turn = random_map(d, true, size, normal),
                 common_map = random_map(d, false, size, normal);
  Matrices out;
  for (MatrixXd m : covariances) {
    m *= volume == 'E' ? common_volume : std::exp(size * normal());
    const VectorXd own_shape = random_shape(d, size, normal);
    const VectorXd& factors = shape == 'E' ? common_shape : own_shape;
    if (orientation == 'I' && shape != 'I') m.diagonal().array() *= factors.array();
    if (shape == orientation && shape != 'I') {
      const MatrixXd map = shape == 'E' ? common_map : random_map(d, false, size, normal);
      m = map * m * map.transpose();
    } else if (orientation != 'I') {
      const MatrixXd turn = orientation == 'E' ? common_turn : random_map(d, true, size, normal);
      m = turn * with_eigenvalues_scaled(m, factors) * turn.transpose();
    }
    out.push_back(m);
  }
  return out;
}

double expected_log_likelihood(const Matrices& covariances, const Matrices& scatters,
                               const std::vector<double>& counts) {
  double sum = 0.0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const Eigen::LLT<MatrixXd> cholesky(covariances[k]);
    sum -= counts[k] * MatrixXd(cholesky.matrixL()).diagonal().array().log().sum() +
           0.5 * cholesky.solve(scatters[k]).trace();
  }
  return sum;
}

}  // namespace letters
