// fit() in memory against the reference cases: traces, parameters after one and after all M-steps, k-means.
#include <catch2/catch.hpp>
#include <cmath>

#include "em/lloyd.hpp"
#include "em/start.hpp"
#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"

namespace {

using in_memory::alone;
using reference::Case;

double relative(double actual, double expected) {
  return std::abs(actual - expected) / std::abs(expected);
}

/// The largest gap, so that a failure says how far off the fit is.
void check_close(const Case& one, const reference::Parameters& expected, const gmmpi::Mixture& actual,
                 double tolerance) {
  const auto gap = textbook::difference(one.mixture(expected), in_memory::to_textbook(actual));
  CHECK(static_cast<double>(gap.weights) <= tolerance);
  CHECK(static_cast<double>(gap.means) <= tolerance);
  CHECK(static_cast<double>(gap.covariances) <= tolerance);
}

/// The fit of a case after exactly `n_iter` M-steps from its start.
gmmpi::FitResult run(const Case& one, const reference::Data& data, int n_iter) {
  const auto rows = in_memory::make_data(alone(), data.values, data.d(), one.sample_weight);
  const auto start = in_memory::make_model(one.covariance_type, one.start);
  return in_memory::fit(alone(), rows, in_memory::exactly(n_iter, start));
}

void check_trace(const Case& one, const reference::Data& data) {
  const int n_iter = static_cast<int>(one.log_likelihood.size()) - 1;
  const gmmpi::FitResult result = run(one, data, n_iter);
  REQUIRE(result.history.size() == one.log_likelihood.size());
  CHECK(result.n_iter == n_iter);
  CHECK(!result.converged);
  CHECK(result.reseeds.empty());
  double worst = 0.0;
  for (int i = 0; i <= n_iter; ++i)
    worst = std::max(worst, relative(result.history[i], one.log_likelihood[i]));
  CHECK(worst < 1e-12);  // 3e-14 was seen, where the path leaves a saddle; else 1e-14
}

void check_fitted(const Case& one, const reference::Data& data) {
  const gmmpi::FitResult result = run(one, data, one.n_iter);
  REQUIRE(result.n_iter == one.n_iter);
  check_close(one, one.fitted, result.model, 1e-12);  // 7e-15 was seen
  CHECK(relative(result.log_likelihood(), one.fitted_log_likelihood) < 1e-12);

  const auto rows = in_memory::make_data(alone(), data.values, data.d(), one.sample_weight);
  const gmmpi::Score score = gmmpi::score(alone(), rows, result.model);
  CHECK(relative(score.log_likelihood, one.fitted_log_likelihood) < 1e-12);
  CHECK(relative(score.aic, one.aic) < 1e-12);
  CHECK(relative(score.bic, one.bic) < 1e-12);
  if (one.icl != 0) CHECK(relative(score.icl, one.icl) < 1e-9);
  CHECK(result.model.n_parameters() == one.n_parameters);
}

}  // namespace

TEST_CASE("fit: the traces of all reference cases are met to 1e-12", "[serial]") {
  const auto cases = reference::load_cases("em_");
  REQUIRE(cases.size() == 39);
  for (const Case& one : cases) {
    INFO(one.name);
    check_trace(one, reference::load_data(one.data));
  }
}

TEST_CASE("fit: one M-step from the start gives the reference's parameters", "[serial]") {
  for (const Case& one : reference::load_cases("em_")) {
    INFO(one.name);
    const gmmpi::FitResult result = run(one, reference::load_data(one.data), 1);
    check_close(one, one.after_first, result.model, 1e-13);
  }
}

TEST_CASE("fit: the reference's number of M-steps gives its converged parameters and criteria", "[serial]") {
  for (const Case& one : reference::load_cases("em_")) {
    INFO(one.name << ", " << one.n_iter << " M-steps");
    check_fitted(one, reference::load_data(one.data));
  }
}

TEST_CASE("fit: sample weights give the reference's weighted fits", "[serial]") {
  const auto cases = reference::load_cases("weighted_");
  REQUIRE(cases.size() == 12);
  for (const Case& one : cases) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    check_trace(one, data);
    check_fitted(one, data);
  }
}

TEST_CASE("fit: one component is the closed form, from every start", "[serial]") {
  const auto cases = reference::load_cases("mle_k1_");
  REQUIRE(cases.size() == 12);
  for (const Case& one : cases) {
    const reference::Data data = reference::load_data(one.data);
    const auto rows = in_memory::make_data(alone(), data.values, data.d());
    for (const auto init : {gmmpi::Init::kmeans, gmmpi::Init::kmeans_plusplus, gmmpi::Init::random,
                            gmmpi::Init::random_from_data}) {
      INFO(one.name << ", init " << static_cast<int>(init));
      gmmpi::FitOptions options;
      options.structure = &gmmpi::find_structure(one.covariance_type);
      options.init = init;
      options.reg_covar = 0.0;
      const gmmpi::FitResult result = in_memory::fit(alone(), rows, options);
      CHECK(result.converged);
      CHECK(result.n_iter <= 2);
      check_close(one, one.fitted, result.model, 1e-13);
      CHECK(relative(result.log_likelihood(), one.fitted_log_likelihood) < 1e-14);
    }
  }
}

TEST_CASE("fit: the default tolerance crosses Old Faithful's plateau", "[serial]") {
  const Case one = reference::load_file("em_old_faithful_std_k2_full").front();
  const reference::Data data = reference::load_data(one.data);
  const auto rows = in_memory::make_data(alone(), data.values, data.d());
  gmmpi::FitOptions options = in_memory::exactly(0, in_memory::make_model("full", one.start));
  options.max_iter = 1000;
  options.tol = gmmpi::FitOptions().tol;
  const gmmpi::FitResult result = in_memory::fit(alone(), rows, options);
  CHECK(result.converged);
  CHECK(result.log_likelihood() == Approx(-385.4607).margin(1e-3));
  options.tol = 1e-3;  // what the plateau does to a careless tolerance
  CHECK(in_memory::fit(alone(), rows, options).log_likelihood() == Approx(-543.28).margin(0.5));
}

TEST_CASE("lloyd: each sweep is the reference's step, and the end is its end", "[serial]") {
  const auto cases = reference::load_kmeans_cases();
  REQUIRE(cases.size() == 4);
  for (const auto& one : cases) {
    INFO(one.name);
    const reference::Data data = reference::load_data(one.data);
    const auto rows = in_memory::make_data(alone(), data.values, data.d());
    const auto nothing = [] {};
    // An infinite tolerance stops after one sweep and update.
    std::vector<double> centers = one.start_centers;
    for (int i = 0; i < one.n_iter; ++i) {
      int n_sweeps = 0;
      CHECK(relative(in_memory::inertia(alone(), rows, centers), one.inertia_trace[i]) < 1e-14);
      gmmpi::lloyd(alone(), rows, HUGE_VAL, centers, n_sweeps, nothing);
      REQUIRE(n_sweeps == 1);
    }
    std::vector<double> end = one.start_centers;
    int n_sweeps = 0;
    gmmpi::lloyd(alone(), rows, 0.0, end, n_sweeps, nothing);
    CHECK(relative(in_memory::inertia(alone(), rows, end), one.inertia) < 1e-14);
    for (std::size_t e = 0; e < centers.size(); ++e) {
      CHECK(std::abs(centers[e] - one.centers[e]) < 1e-12);
      CHECK(std::abs(end[e] - one.centers[e]) < 1e-12);
    }
  }
}
