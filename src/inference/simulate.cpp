// random_mixture: weights, rotations, variances and means from counter-based random numbers.
#include "gmmpi/inference/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/random.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "model/constrained.hpp"
#include "model/normal_quantile.hpp"
#include "model/symmetric_eigen.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastVariance = 0.1;

/// The random numbers of one component, one after the other.
class Stream {
 public:
  Stream(std::uint64_t seed, int component, const KernelTable& kernels)
      : seed_(seed), component_(component), kernels_(kernels) {}

  double next() { return uniform(seed_, Purpose::mixture, component_, item_++); }
  double normal() { return normal_quantile(next(), kernels_); }
  double variance() { return kLeastVariance + (1.0 - kLeastVariance) * next(); }
  /// Gamma distributed with a whole shape: a sum of exponential variates.
  double gamma(int shape) {
    double sum = 0.0;
    for (int i = 0; i < shape; ++i) {
      const double u = next();
      double log_u = 0.0;
      kernels_.log(1, &u, &log_u);
      sum -= log_u;
    }
    return sum;
  }

 private:
  std::uint64_t seed_;
  int component_;
  const KernelTable& kernels_;
  std::int64_t item_ = 0;
};

/// Makes row i orthogonal to the rows before it and of length 1. Gram & Schmidt, twice for accuracy.
void orthonormalise(std::vector<double>& q, std::size_t i, std::size_t d) {
  double* row = q.data() + i * d;
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t l = 0; l < i; ++l) {
      double product = 0.0;
      for (std::size_t j = 0; j < d; ++j) product += row[j] * q[l * d + j];
      for (std::size_t j = 0; j < d; ++j) row[j] -= product * q[l * d + j];
    }
  double squares = 0.0;
  for (std::size_t j = 0; j < d; ++j) squares += row[j] * row[j];
  for (std::size_t j = 0; j < d; ++j) row[j] /= std::sqrt(squares);
}

/// One covariance in that layout, appended to `covariances`; returns its largest eigenvalue.
double add_covariance(const CovarianceLayout& layout, std::size_t d, Stream& random,
                      std::vector<double>& covariances) {
  std::vector<double> lambda(layout.is_round() ? 1 : d);
  for (double& l : lambda) l = random.variance();
  const double largest = *std::ranges::max_element(lambda);
  if (layout.is_diagonal()) {
    covariances.insert(covariances.end(), lambda.begin(), lambda.end());
    return largest;
  }
  std::vector<double> q(d * d), sigma(d * d, 0.0);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) q[i * d + j] = random.normal();
    orthonormalise(q, i, d);
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t b = a; b < d; ++b) sigma[a * d + b] += lambda[i] * (q[i * d + a] * q[i * d + b]);
  }
  for (std::size_t a = 0; a < d; ++a)
    for (std::size_t b = 0; b < a; ++b) sigma[a * d + b] = sigma[b * d + a];
  covariances.insert(covariances.end(), sigma.begin(), sigma.end());
  return largest;
}

/// The least distance of two means, in units of sqrt(d times the larger of their largest eigenvalues).
double least_separation(const Mixture& m, const std::vector<double>& largest) {
  const std::size_t d = m.n_features, K = m.n_components;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < K; ++i)
    for (std::size_t l = 0; l < i; ++l) {
      double squares = 0.0;
      for (std::size_t j = 0; j < d; ++j) {
        const double delta = m.means[i * d + j] - m.means[l * d + j];
        squares += delta * delta;
      }
      least = std::min(least, squares / (static_cast<double>(d) * std::max(largest[i], largest[l])));
    }
  return std::sqrt(least);
}

void validate(const RandomMixture& w) {
  const auto require = [](bool condition, const char* message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(w.n_components >= 1, "`n_components` must be at least 1");
  require(w.n_features >= 1, "`n_features` must be at least 1");
  require(w.concentration >= 1, "`concentration` must be at least 1");
  require(w.separation >= 0.0 && std::isfinite(w.separation), "`separation` must be a finite number >= 0");
  require(w.structure && w.structure->layout().n_covariances(1) > 0,
          "`covariance_type`: a type with covariances is needed; choose one, such as full or VEV");
}

}  // namespace

Mixture random_mixture(const RandomMixture& w, const KernelTable& kernels) {
  validate(w);
  const auto K = static_cast<std::size_t>(w.n_components), d = static_cast<std::size_t>(w.n_features);
  Mixture m;
  m.structure = w.structure;
  m.n_components = w.n_components;
  m.n_features = w.n_features;
  const bool shared = m.is_shared();
  std::vector<double> largest;
  double sum = 0.0;
  for (int k = 0; k < w.n_components; ++k) {
    Stream random(w.seed, k, kernels);
    m.weights.push_back(random.gamma(w.concentration));
    sum += m.weights.back();
    for (std::size_t j = 0; j < d; ++j) m.means.push_back(random.normal());
    largest.push_back(shared && k > 0 ? largest.front()
                                      : add_covariance(m.layout(), d, random, m.covariances));
  }
  for (double& weight : m.weights) weight /= sum;
  if (m.structure->is_constrained()) {
    constrain(m, kernels);
    for (std::size_t k = 0; k < K; ++k)
      largest[k] = symmetric_eigen(full_covariance(m, static_cast<int>(k)), w.n_features).values.front();
  }
  if (K > 1) {
    const double scale = w.separation / least_separation(m, largest);
    for (double& mean : m.means) mean *= scale;
  }
  factorise(m, kernels);
  return m;
}

}  // namespace gmmpi
