// Mixtures of Student's t: the reference's traces and limits, its bits, weights, labels and limits.
// covers: src/model/components/student.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/inference/score.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Mixture;
using gmmpi::Sharing;
using in_memory::alone;
using in_memory::same_bits;
using reference::flat;

double relative(double actual, double expected) {
  return std::abs(actual - expected) / std::abs(expected);
}

struct Case {
  nlohmann::json json;
  reference::Data data;
  gmmpi::OwnOptions dof;
  std::string type;

  explicit Case(const std::string& stem)
      : json(reference::load_json(stem)),
        data(reference::load_data(json.at("data"))),
        type(json.at("covariance_type")) {
    const std::string rule = json.at("dof");
    dof = rule == "each"     ? gmmpi::OwnOptions{Sharing::each}
          : rule == "shared" ? gmmpi::OwnOptions{Sharing::shared}
                             : gmmpi::OwnOptions{Sharing::fixed, json.at("start").at("dof").at(0)};
  }

  Mixture mixture(const char* block) const {
    const auto& p = json.at(block);
    Mixture m = in_memory::make_model(
        type, reference::Parameters{flat(p.at("weights")), flat(p.at("means")), flat(p.at("scales"))});
    m.component = &gmmpi::find_component("student");
    m.own = flat(p.at("dof"));
    m.own_sharing = dof.sharing;
    return m;
  }
  gmmpi::MemoryData rows(const gmmpi::Execution& execution) const {
    return in_memory::make_data(execution, data.values, data.d());
  }
  gmmpi::FitOptions options(int n_iter) const {
    gmmpi::FitOptions options = in_memory::exactly(n_iter, mixture("start"));
    options.own = dof;
    return options;
  }
  gmmpi::FitResult fit(int n_iter) const { return in_memory::fit(alone(), rows(alone()), options(n_iter)); }
};

void check_close(const Mixture& actual, const Mixture& expected, double tolerance) {
  const auto check = [&](const std::vector<double>& a, const std::vector<double>& b, double scale) {
    double worst = 0.0;
    REQUIRE(a.size() == b.size());
    for (std::size_t e = 0; e < a.size(); ++e) worst = std::max(worst, std::abs(a[e] - b[e]) / scale);
    CHECK(worst <= tolerance);
  };
  const double size = std::sqrt(*std::max_element(expected.covariances.begin(), expected.covariances.end()));
  check(actual.weights, expected.weights, 1.0);
  check(actual.means, expected.means, size);
  check(actual.covariances, expected.covariances, size * size);
  for (std::size_t k = 0; k < expected.own.size(); ++k)
    CHECK(relative(actual.own[k], expected.own[k]) <= 10 * tolerance);
}

}  // namespace

TEST_CASE("student: the traces of all reference cases are met to 1e-12", "[serial]") {
  const auto stems = reference::stems("student_");
  REQUIRE(stems.size() == 18);
  for (const std::string& stem : stems) {
    INFO(stem);
    const Case one(stem);
    const auto trace = flat(one.json.at("trace").at("log_likelihood"));
    const gmmpi::FitResult result = one.fit(static_cast<int>(trace.size()) - 1);
    REQUIRE(result.history.size() == trace.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < trace.size(); ++i)
      worst = std::max(worst, relative(result.history[i], trace[i]));
    CHECK(worst < 1e-12);
  }
}

TEST_CASE("student: after one and after all M-steps the parameters are the reference's", "[serial]") {
  for (const std::string& stem : reference::stems("student_")) {
    const Case one(stem);
    const auto& converged = one.json.at("converged");
    const int n_iter = converged.at("n_iter");
    INFO(stem << ", " << n_iter << " M-steps");
    check_close(one.fit(1).model, one.mixture("after_first_iteration"), 1e-13);
    if (n_iter >
        5000) {  // 19,412: a few steps tell as well that its limit, at the most degrees of freedom, is one
      gmmpi::FitOptions options = one.options(5);
      options.start = one.mixture("limit");
      check_close(in_memory::fit(alone(), one.rows(alone()), options).model, one.mixture("limit"), 1e-12);
      continue;
    }
    const gmmpi::FitResult result = one.fit(n_iter);
    check_close(result.model, one.mixture("converged"), 1e-10);
    CHECK(relative(result.log_likelihood(), converged.at("log_likelihood")) < 1e-12);
    CHECK(result.model.n_parameters() == converged.at("n_parameters"));
    const gmmpi::Score score = gmmpi::score(alone(), one.rows(alone()), result.model);
    CHECK(relative(score.log_likelihood, converged.at("log_likelihood")) < 1e-12);
    CHECK(relative(score.bic, converged.at("bic")) < 1e-12);
    CHECK(relative(score.icl, converged.at("icl")) < 1e-9);
  }
}

TEST_CASE("student: the same bits on any ranks, threads and kernels", "[mpi]") {
  for (const std::string stem : {"student_t_mixture_k2_full_each", "student_iris_k3_tied_shared"}) {
    const Case one(stem);
    const gmmpi::FitResult expected = one.fit(8);
    for (const std::string& kernels : gmmpi::available_kernels())
      for (const int n_threads : {1, 3}) {
        INFO(stem << ", " << kernels << ", " << n_threads << " threads");
        const auto execution = in_memory::on(test_world(), n_threads, kernels);
        const gmmpi::FitResult result = in_memory::fit(execution, one.rows(execution), one.options(8));
        CHECK(same_bits(result.history, expected.history));
        CHECK(same_bits(result.model.own, expected.model.own));
        CHECK(same_bits(result.model.covariances, expected.model.covariances));
      }
  }
}

TEST_CASE("student: weights count as repeated rows, known classes as responsibilities of one", "[serial]") {
  const Case one("student_t_mixture_k2_full_each");
  const int d = one.data.d();
  std::vector<double> weights, repeated;
  for (std::int64_t n = 0; n < one.data.n_rows; ++n) {
    weights.push_back(static_cast<double>(n % 3));
    for (int i = 0; i < n % 3; ++i)
      repeated.insert(repeated.end(), one.data.values.begin() + n * d, one.data.values.begin() + (n + 1) * d);
  }
  const auto a =
      in_memory::fit(alone(), in_memory::make_data(alone(), one.data.values, d, weights), one.options(20));
  const auto b = in_memory::fit(alone(), in_memory::make_data(alone(), repeated, d), one.options(20));
  CHECK(relative(a.log_likelihood(), b.log_likelihood()) < 1e-13);
  check_close(a.model, b.model, 1e-12);
}

TEST_CASE("student: many degrees of freedom are the Gaussian mixture, few heavier tails", "[serial]") {
  const Case one("student_old_faithful_k2_full_dof4");
  gmmpi::FitOptions options = one.options(30);
  options.own = {Sharing::fixed, 1e9};
  const auto many = in_memory::fit(alone(), one.rows(alone()), options);
  Mixture start = one.mixture("start");
  start.component = &gmmpi::find_component("gaussian");
  start.own.clear();
  const auto normal = in_memory::fit(alone(), one.rows(alone()), in_memory::exactly(30, start));
  CHECK(relative(many.log_likelihood(), normal.log_likelihood()) < 1e-7);
  Mixture expected = normal.model;
  check_close(many.model, expected, 1e-6);
  CHECK(many.model.n_parameters() == normal.model.n_parameters());
}

TEST_CASE("student: each M-step raises the likelihood, hard ones that of the classification", "[serial]") {
  for (const auto engine : {&gmmpi::find_engine("em"), &gmmpi::find_engine("hard")}) {
    const Case one("student_t_mixture_k2_diag_each");
    gmmpi::FitOptions options = one.options(60);
    options.engine = engine;
    const auto result = in_memory::fit(alone(), one.rows(alone()), options);
    const std::vector<double>& trace = result.values(engine->objective().trace);
    REQUIRE(trace.size() == 61);
    for (std::size_t i = 1; i < trace.size(); ++i)
      CHECK(trace[i] >= trace[i - 1] - 1e-12 * std::abs(trace[i]));
  }
}

TEST_CASE("student: from its own starts every fit ends well, and what it cannot do is refused", "[serial]") {
  const Case one("student_t_mixture_k2_full_each");
  gmmpi::FitOptions options;
  options.component = &gmmpi::find_component("student");
  options.structure = &gmmpi::find_structure("full");
  options.n_components = 2;
  for (const auto init : {gmmpi::Init::kmeans, gmmpi::Init::kmeans_plusplus, gmmpi::Init::random_from_data}) {
    options.init = init;
    const auto result = in_memory::fit(alone(), one.rows(alone()), options);
    CHECK(result.converged);
    CHECK(result.log_likelihood() == Approx(-1512.1447828).epsilon(1e-4));
  }
  const auto refuses = [&](const char* text, auto change) {
    gmmpi::FitOptions wrong = options;
    change(wrong);
    CHECK_THROWS_WITH(in_memory::fit(alone(), one.rows(alone()), wrong), Catch::Contains(text));
  };
  refuses("`engine` stepwise", [](auto& o) { o.engine = &gmmpi::find_engine("stepwise"); });
  refuses("`engine` kmeans", [](auto& o) { o.engine = &gmmpi::find_engine("kmeans"); });
  refuses("`accelerate`", [](auto& o) { o.accelerate = gmmpi::Acceleration::lbfgs; });
  refuses("`trace` elbo", [](auto& o) { o.trace_bound = true; });
  refuses("`prior`", [](auto& o) { o.prior.emplace(); });
  refuses("between 0.001 and 1e9", [](auto& o) { o.own = {Sharing::fixed, 0.0}; });
}
