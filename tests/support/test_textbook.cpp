// The textbook EM against the reference cases, and on data made to break a careless one.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "support/reference.hpp"
#include "support/textbook.hpp"

namespace {

using textbook::Mixture;
using textbook::Real;

Real relative(Real actual, Real expected) {
  return std::abs(actual - expected) / std::abs(expected);
}

/// The digits take 0.2 s per iteration: their first ones must do (all of them were seen to hold).
int affordable(const reference::Case& one, int n_iter) {
  return one.data.find("digits") == std::string::npos ? n_iter : std::min(n_iter, 4);
}

void check_close(const Mixture& expected, const Mixture& actual, Real tolerance) {
  const textbook::Difference gap = textbook::difference(expected, actual);
  CHECK(gap.weights <= tolerance);
  CHECK(gap.means <= tolerance);
  CHECK(gap.covariances <= tolerance);
}

void check_trace(const std::vector<Real>& history, const std::vector<double>& expected) {
  for (std::size_t i = 0; i < std::min(history.size(), expected.size()); ++i) {
    INFO("after " << i << " M-steps");
    CHECK(relative(history[i], expected[i]) < 1e-14);
  }
}

/// Trace, fitted parameters, criteria and first rows of a case with a start.
void check_case(const reference::Case& one) {
  INFO(one.name);
  const reference::Data data = reference::load_data(one.data);
  const textbook::Rows rows = data.rows(one.sample_weight);
  const Mixture start = one.mixture(one.start);
  const int trace_length = static_cast<int>(one.log_likelihood.size()) - 1;

  const auto trace = textbook::run(one.covariance_type, rows, start, affordable(one, trace_length));
  check_trace(trace.history, one.log_likelihood);
  if (affordable(one, one.n_iter) < one.n_iter) return;

  const auto fit = textbook::run(one.covariance_type, rows, start, one.n_iter);
  check_close(one.mixture(one.fitted), fit.mixture, 1e-12);
  CHECK(relative(fit.history.back(), one.fitted_log_likelihood) < 1e-14);
  const int p = textbook::n_parameters(one.covariance_type, one.n_components, rows.d);
  CHECK(p == one.n_parameters);
  CHECK(relative(-2 * fit.history.back() + 2 * p, one.aic) < 1e-14);
  CHECK(relative(-2 * fit.history.back() + p * std::log(rows.total_weight()), one.bic) < 1e-14);

  const textbook::Expectation expectation = textbook::e_step(rows, fit.mixture);
  std::vector<std::int64_t> sizes(one.n_components, 0);
  for (const int label : textbook::labels(expectation)) ++sizes[label];
  CHECK(sizes == one.label_sizes);
  for (std::size_t i = 0; i < one.responsibilities_first5.size(); ++i) {
    CHECK(std::abs(expectation.responsibilities[i] - one.responsibilities_first5[i]) < 1e-13);
  }
  for (std::size_t n = 0; n < one.log_density_first5.size(); ++n) {
    CHECK(std::abs(expectation.log_density[n] - one.log_density_first5[n]) < 1e-13);
  }
}

}  // namespace

TEST_CASE("textbook: every reference trace and fit is met") {
  const auto cases = reference::load_cases("em_");
  REQUIRE(cases.size() == 39);
  for (const auto& one : cases) {
    check_case(one);
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    const auto first = textbook::run(one.covariance_type, data.rows(), one.mixture(one.start), 1);
    check_close(one.mixture(one.after_first), first.mixture, 1e-14);
  }
}

TEST_CASE("textbook: weighted fits are those of the reference") {
  const auto cases = reference::load_cases("weighted_");
  REQUIRE(cases.size() == 12);
  for (const auto& one : cases) check_case(one);
}

TEST_CASE("textbook: an integer sample weight equals repeated rows") {
  for (const auto& one : reference::load_file("weighted_integer_old_faithful_k2")) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    std::vector<double> repeated;
    for (std::int64_t n = 0; n < data.n_rows; ++n) {
      const auto row = data.rows()[n];
      for (int copy = 0; copy < one.sample_weight[n]; ++copy) {
        repeated.insert(repeated.end(), row.begin(), row.end());
      }
    }
    const Mixture start = one.mixture(one.start);
    const auto weighted = textbook::run(one.covariance_type, data.rows(one.sample_weight), start, 5);
    const auto plain = textbook::run(one.covariance_type, {repeated, data.d()}, start, 5);
    check_close(plain.mixture, weighted.mixture, 1e-16);
    CHECK(relative(weighted.history.back(), plain.history.back()) < 1e-16);
  }
}

TEST_CASE("textbook: a single component is the closed form from any start") {
  const auto cases = reference::load_cases("mle_k1_");
  REQUIRE(cases.size() == 12);
  for (const auto& one : cases) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    Mixture start = one.mixture(one.fitted);
    for (Real& mean : start.means) mean += 100;
    const auto fit = textbook::run(one.covariance_type, data.rows(), start, 1);
    check_close(one.mixture(one.fitted), fit.mixture, 1e-15);
    CHECK(relative(fit.history.back(), one.fitted_log_likelihood) < 1e-15);
    const textbook::Density density(fit.mixture);
    for (int n = 0; n < 5; ++n) {
      CHECK(relative(density.log_density(data.rows()[n]), one.log_density_first5[n]) < 1e-14);
    }
  }
}

TEST_CASE("textbook: hard EM's labels and log-likelihoods are those of the reference") {
  const auto cases = reference::load_cases("hard_em_");
  REQUIRE(cases.size() == 12);
  for (const auto& one : cases) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    const textbook::Rows rows = data.rows();
    Mixture mixture = one.mixture(one.start);
    std::vector<int> labels;
    for (std::size_t i = 0; i < one.log_likelihood.size(); ++i) {
      const textbook::Expectation expectation = textbook::e_step(rows, mixture);
      labels = textbook::labels(expectation);
      Real classification = 0;
      for (std::size_t n = 0; n < labels.size(); ++n) {
        classification += expectation.log_joint[n * one.n_components + labels[n]];
      }
      CHECK(relative(expectation.log_likelihood, one.log_likelihood[i]) < 1e-14);
      CHECK(relative(classification, one.classification_log_likelihood[i]) < 1e-14);
      mixture = textbook::m_step(one.covariance_type, rows, textbook::one_hot(labels, one.n_components));
    }
    CHECK(labels == one.labels);
    check_close(one.mixture(one.fitted), mixture, 1e-14);
  }
}

TEST_CASE("textbook: Mahalanobis distances and determinants are those of the reference") {
  const nlohmann::json file = reference::load_json("mahalanobis");
  for (const auto& model : file["models"]) {
    const auto mixture =
        textbook::make_mixture(model["covariance_type"], reference::flat(model["weights"]),
                               reference::flat(model["means"]), reference::flat(model["covariances"]));
    const textbook::Density density(mixture);
    const reference::Data data = reference::load_data(model["data"]);
    for (std::size_t i = 0; i < model["rows"].size(); ++i) {
      const auto row = data.rows()[model["rows"][i].get<int>()];
      for (int k = 0; k < mixture.n_components(); ++k) {
        CHECK(relative(density.mahalanobis_squared(row)[k], model["squared"][i][k].get<double>()) < 1e-14);
        CHECK(relative(density.component_log_density(row)[k],
                       model["component_log_density"][i][k].get<double>()) < 1e-14);
        CHECK(relative(density.log_det()[k], model["log_det"][k].get<double>()) < 1e-14);
      }
    }
  }
}

TEST_CASE("textbook: Lloyd's k-means is that of the reference") {
  const auto cases = reference::load_kmeans_cases();
  REQUIRE(cases.size() == 4);
  for (const auto& one : cases) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    std::vector<Real> centers(one.start_centers.begin(), one.start_centers.end());
    for (int i = 0; i < one.n_iter; ++i) {
      const textbook::Lloyd step = textbook::lloyd_step(data.rows(), centers);
      CHECK(relative(step.inertia, one.inertia_trace[i]) < 1e-15);
      centers = step.centers;
    }
    const textbook::Lloyd last = textbook::lloyd_step(data.rows(), centers);
    CHECK(relative(last.inertia, one.inertia) < 1e-15);
    for (std::size_t i = 0; i < centers.size(); ++i) CHECK(std::abs(centers[i] - one.centers[i]) < 1e-13);
    std::vector<std::int64_t> sizes(one.label_sizes.size(), 0);
    for (const int label : last.labels) ++sizes[label];
    CHECK(sizes == one.label_sizes);
  }
}

TEST_CASE("textbook: an offset of 2^30, and units of 2^-40 and 2^40, change nothing") {
  // Powers of two, and data on a coarse grid, so that the scaled and shifted numbers are exact.
  std::mt19937 generator(1);
  const Real scale[] = {0x1p-40L, 0x1p40L};
  std::vector<double> plain, scaled, shifted;
  for (int n = 0; n < 200; ++n) {
    for (int i = 0; i < 2; ++i) {
      const double x = std::ldexp(static_cast<double>(generator() % 4096), -10) + (n % 2) * 3.0;
      plain.push_back(x);
      scaled.push_back(static_cast<double>(x * scale[i]));
      shifted.push_back(x + 0x1p30);
    }
  }
  for (const std::string type : {"full", "tied", "diag"}) {
    const std::vector<double> weights = {0.5, 0.5}, means = {1, 1, 6, 6};
    const std::vector<double> covariances = type == "full"   ? std::vector<double>{1, 0, 0, 1, 1, 0, 0, 1}
                                            : type == "tied" ? std::vector<double>{1, 0, 0, 1}
                                                             : std::vector<double>{1, 1, 1, 1};
    const Mixture start = textbook::make_mixture(type, weights, means, covariances);
    Mixture far = start, units = start;
    for (int k = 0; k < 2; ++k) {
      for (int i = 0; i < 2; ++i) {
        far.means[2 * k + i] += 0x1p30;
        units.means[2 * k + i] *= scale[i];
        for (int j = 0; j < 2; ++j) units.covariance(k, i, j) *= scale[i] * scale[j];
      }
    }
    const auto expected = textbook::run(type, {plain, 2}, start, 20);
    Mixture moved = textbook::run(type, {shifted, 2}, far, 20).mixture;
    Mixture rescaled = textbook::run(type, {scaled, 2}, units, 20).mixture;
    for (int k = 0; k < 2; ++k) {
      for (int i = 0; i < 2; ++i) {
        moved.means[2 * k + i] -= 0x1p30;
        rescaled.means[2 * k + i] /= scale[i];
        for (int j = 0; j < 2; ++j) rescaled.covariance(k, i, j) /= scale[i] * scale[j];
      }
    }
    INFO(type);
    check_close(expected.mixture, moved, 1e-9);  // the means themselves are rounded at 2^30
    check_close(expected.mixture, rescaled, 1e-16);
  }
}

TEST_CASE("textbook: components 1e5 widths apart are each its own rows") {
  std::mt19937 generator(2);
  std::normal_distribution<double> normal;
  std::vector<double> x;
  std::vector<int> labels;
  for (int n = 0; n < 100; ++n) {
    labels.push_back(n % 2);
    for (int i = 0; i < 2; ++i) x.push_back(normal(generator) + labels.back() * 1e5);
  }
  const textbook::Rows rows{x, 2};
  for (const std::string type : {"full", "tied", "diag", "spherical"}) {
    const Mixture own = textbook::m_step(type, rows, textbook::one_hot(labels, 2));
    Mixture start = own;
    for (Real& mean : start.means) mean += 1;
    INFO(type);
    check_close(own, textbook::run(type, rows, start, 2).mixture, 1e-16);
  }
}

TEST_CASE("textbook: reg_covar is added to the columns, its mean to spherical variances") {
  const reference::Data data = reference::load_data("old_faithful");
  const std::vector<double> reg = {0.5, 1.5};
  for (const auto& one : reference::load_cases("em_old_faithful_k2_")) {
    const Mixture start = one.mixture(one.start);
    const Mixture plain = textbook::run(one.covariance_type, data.rows(), start, 1).mixture;
    const Mixture added = textbook::run(one.covariance_type, data.rows(), start, 1, reg).mixture;
    for (int i = 0; i < 2; ++i) {
      const Real expected = one.covariance_type == "spherical" ? 1.0 : reg[i];
      CHECK(std::abs(added.covariance(1, i, i) - plain.covariance(1, i, i) - expected) < 1e-15);
    }
    CHECK(added.covariance(1, 0, 1) == plain.covariance(1, 0, 1));
  }
}

TEST_CASE("textbook: Old Faithful's plateau is crossed with the default tolerance") {
  const auto one = reference::load_file("em_old_faithful_std_k2_full").front();
  const reference::Data data = reference::load_data(one.data);
  const auto fit = textbook::run_to_convergence("full", data.rows(), one.mixture(one.start), 1e-6, 1000);
  CHECK(fit.converged);
  CHECK(static_cast<double>(fit.history.back()) == Approx(-385.4607).margin(1e-3));
}

TEST_CASE("textbook: parameters survive the way to a model file's shapes and back") {
  for (const auto& one : reference::load_cases("em_iris_")) {
    CHECK(textbook::compact_covariances(one.covariance_type, one.mixture(one.fitted)) ==
          one.fitted.covariances);
  }
}

TEST_CASE("textbook: a covariance that is not positive definite and an empty component are errors") {
  const std::vector<double> x = {0, 1, 2, 3};
  const std::vector<double> one = {1}, zero = {0, 0}, bad = {1, 2, 2, 1};
  CHECK_THROWS_AS(textbook::Density(textbook::make_mixture("full", one, zero, bad)), std::domain_error);
  const std::vector<int> labels = {0, 0};
  CHECK_THROWS_AS(textbook::m_step("diag", {x, 2}, textbook::one_hot(labels, 2)), std::domain_error);
}
