// MAP fits with every covariance structure: the prior's density, its maximum, a log posterior that never
// falls.
// covers: src/model/prior.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "support/in_memory.hpp"
#include "support/structure_letters.hpp"
#include "support/world.hpp"

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using in_memory::alone;
using letters::Matrices;

constexpr int kColumns = 3;

gmmpi::FitOptions with_prior(const gmmpi::CovarianceStructure& structure, int K, double strength) {
  gmmpi::FitOptions options;
  options.structure = &structure;
  options.n_components = K;
  options.prior.emplace();
  options.prior->shrinkage = strength;
  options.prior->weight = 1.0 + strength;
  options.prior->dof = 3.0 + 4.0 * strength;
  return options;
}

bool is_one_for_all(std::string_view letters) {
  return letters == "EII" || letters == "EEI" || letters == "EEE";
}

/// -((nu + d + 1) ln |S| + tr(L S^-1)) / 2, or of variances sum -(nu / 2 + 1) ln v - s / (2 v).
double log_prior_of(const MatrixXd& covariance, const gmmpi::Prior& prior, std::string_view letters) {
  double sum = 0.0;
  if (letters[2] == 'I') {
    const bool one = letters[1] == 'I';
    for (int j = 0; j < (one ? 1 : kColumns); ++j)
      sum -= (prior.dof / 2 + 1) * std::log(covariance(j, j)) + prior.scale[j] / (2 * covariance(j, j));
    return sum;
  }
  const Eigen::Map<const MatrixXd> scale(prior.scale.data(), kColumns, kColumns);
  return -0.5 * ((prior.dof + kColumns + 1) * std::log(covariance.determinant()) +
                 (scale * covariance.inverse()).trace());
}

VectorXd mean_of(const std::vector<double>& means, int k) {
  return Eigen::Map<const VectorXd>(means.data() + std::ptrdiff_t{k} * kColumns, kColumns);
}

/// Up to a constant, as docs/maths/priors.md defines it.
double log_prior(const std::vector<double>& weights, const std::vector<double>& means,
                 const Matrices& covariances, const gmmpi::Prior& prior, std::string_view letters) {
  const int K = static_cast<int>(weights.size());
  double sum = 0.0;
  for (int k = 0; k < K; ++k) {
    const VectorXd away = mean_of(means, k) - mean_of(prior.mean, 0);
    sum += (prior.weight - 1.0) * std::log(weights[k]);
    if (prior.shrinkage > 0.0)
      sum -= 0.5 * (std::log(covariances[k].determinant()) +
                    prior.shrinkage * away.dot(covariances[k].inverse() * away));
    if (k == 0 || !is_one_for_all(letters)) sum += log_prior_of(covariances[k], prior, letters);
  }
  return sum;
}

/// sum_n ln pi_c N(x_n | mu_c, Sigma_c), row n of class n mod K.
double log_likelihood(const std::vector<double>& rows, const std::vector<double>& weights,
                      const std::vector<double>& means, const Matrices& covariances) {
  const std::size_t K = weights.size(), n_rows = rows.size() / kColumns;
  double sum = 0.0;
  for (std::size_t n = 0; n < n_rows; ++n) {
    const std::size_t k = n % K;
    const VectorXd away = Eigen::Map<const VectorXd>(rows.data() + n * kColumns, kColumns) -
                          mean_of(means, static_cast<int>(k));
    sum += std::log(weights[k]) -
           0.5 * (std::log(covariances[k].determinant()) + away.dot(covariances[k].inverse() * away));
  }
  return sum;
}

}  // namespace

TEST_CASE("prior of structures: the log posterior never falls, with the same bits on any ranks", "[mpi]") {
  const auto execution = in_memory::on(test_world(), 2);
  const std::vector<double> rows = in_memory::clusters(400, kColumns, 4, 1.5, 21);
  const auto data = in_memory::make_data(execution, rows, kColumns),
             whole = in_memory::make_data(alone(), rows, kColumns);
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures())
    for (const double strength : {0.0, 0.01, 20.0}) {
      const std::string letters(structure->mclust_name());
      INFO(letters << ", " << strength);
      gmmpi::FitOptions options = with_prior(*structure, 5, strength);
      options.fail_on_collapse = true;
      options.tol = 0.0;
      options.max_iter = 40;
      const auto result = in_memory::fit(execution, data, options);
      const std::vector<double>& raised = result.traces["log_posterior"];
      REQUIRE(raised.size() == 41);
      for (std::size_t i = 1; i < raised.size(); ++i) CHECK(raised[i] >= raised[i - 1] - 1e-10);
      CHECK(raised.back() > raised.front());
      CHECK(letters::violation(letters::covariances_of(result.model), letters) < 1e-10);

      const auto same = in_memory::fit(alone(), whole, options);
      CHECK(in_memory::same_bits(raised, same.traces["log_posterior"]));
      CHECK(in_memory::same_bits(result.model.covariances, same.model.covariances));
      options.max_iter = 1;  // what is traced beside the log-likelihood is the prior's density
      const auto early = in_memory::fit(alone(), whole, options);
      const auto density = [&](const gmmpi::FitResult& r) {
        return log_prior(r.model.weights, r.model.means, letters::covariances_of(r.model), *r.prior, letters);
      };
      const double traced = (raised.back() - result.history.back()) -
                            (early.traces["log_posterior"].back() - early.history.back());
      CHECK(traced == Approx(density(result) - density(early)).epsilon(1e-9).margin(1e-8));
    }
}

TEST_CASE("prior of structures: with known classes no parameters are more probable", "[serial]") {
  const int K = 3, n = 90;
  const std::vector<double> rows = in_memory::clusters(n, kColumns, K, 1.0, 5);
  const auto data = in_memory::make_data(alone(), rows, kColumns);
  std::vector<double> classes;
  for (int i = 0; i < n; ++i) classes.push_back(i % K);
  in_memory::VectorReader reader(classes, 1);
  const auto labels = std::make_shared<gmmpi::RowLabels>(alone(), data, reader, K);
  std::mt19937 generator(7);
  std::normal_distribution<double> distribution;
  const auto normal = [&] { return distribution(generator); };
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures())
    for (const double strength : {0.0, 8.0}) {
      const std::string letters(structure->mclust_name());
      INFO(letters << ", " << strength);
      gmmpi::FitOptions options = with_prior(*structure, K, strength);
      options.labels = labels;
      const gmmpi::FitResult best = in_memory::fit(alone(), data, options);
      const Matrices covariances = letters::covariances_of(best.model);
      const auto log_posterior = [&](const std::vector<double>& means, const Matrices& of) {
        return log_likelihood(rows, best.model.weights, means, of) +
               log_prior(best.model.weights, means, of, *best.prior, letters);
      };
      const double most = log_posterior(best.model.means, covariances);
      for (const double size : {1e-1, 1e-2, 1e-3})
        for (int i = 0; i < 20; ++i) {
          CHECK(log_posterior(best.model.means, letters::moved(covariances, letters, size, normal)) <=
                most + 1e-11 * std::abs(most));
          std::vector<double> means = best.model.means;
          for (double& mean : means) mean += size * normal();
          CHECK(log_posterior(means, covariances) < most);
        }
    }
}

TEST_CASE("prior of structures: a component that loses its rows keeps its share of the prior", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(300, kColumns, 3, 2.0, 8);
  const auto data = in_memory::make_data(alone(), rows, kColumns);
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->mclust_name());
    gmmpi::FitOptions options = with_prior(*structure, 3, 0.5);
    options.fail_on_collapse = true;
    options.max_iter = 1;
    gmmpi::Mixture start = in_memory::fit(alone(), data, options).model;
    for (int j = 0; j < kColumns; ++j) start.means[j] = 1e6;
    options.prior->weight = 1.0;
    options.init = gmmpi::Init::model;
    options.start = start;
    options.tol = 0.0;
    options.max_iter = 20;
    const auto result = in_memory::fit(alone(), data, options);
    CHECK(result.model.weights[0] < 1e-9);
    for (int j = 0; j < kColumns; ++j)
      CHECK(result.model.means[j] == Approx(result.prior->mean[j]).margin(1e-6));
    const std::vector<double>& raised = result.traces["log_posterior"];
    for (std::size_t i = 1; i < raised.size(); ++i) CHECK(raised[i] >= raised[i - 1] - 1e-10);
    CHECK(letters::violation(letters::covariances_of(result.model), structure->mclust_name()) < 1e-10);
  }
}
