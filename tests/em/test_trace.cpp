// The trace of the lower bound: the reference's ELBO and KL, KL never negative, and a fit that stays as it
// is.
// covers: src/em/traces.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "em/trace.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::FitResult;
using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

void check_reference(const nlohmann::json& file, const std::string& type, const nlohmann::json& block) {
  const auto rows = reference::load_data(file.at("data"));
  const reference::Parameters start{reference::flat(block["start"]["weights"]),
                                    reference::flat(block["start"]["means"]),
                                    reference::flat(block["start"]["covariances"])};
  const auto elbo = reference::flat(block["trace"]["elbo"]), kl = reference::flat(block["trace"]["kl"]);
  FitOptions options = in_memory::exactly(static_cast<int>(elbo.size()), in_memory::make_model(type, start));
  options.trace_bound = true;
  const auto execution = on(test_world(), 2);
  const FitResult result =
      in_memory::fit(execution, in_memory::make_data(execution, rows.values, rows.d()), options);
  const gmmpi::Traces& t = result.traces;
  REQUIRE(t["elbo"].size() == result.history.size());
  REQUIRE(t["kl"].size() == result.history.size());
  CHECK((std::isnan(t["elbo"][0]) && std::isnan(t["kl"][0]) && std::isnan(t["parameter_change"][0])));
  double worst_elbo = 0.0, worst_kl = 0.0;
  for (std::size_t i = 0; i < elbo.size(); ++i) {
    worst_elbo = std::max(worst_elbo, std::abs(t["elbo"][i + 1] / elbo[i] - 1.0));
    // Far below rounding of the log-likelihood the path itself is not determined to 1e-9.
    const double floor = 1e-9 * std::abs(result.history[i + 1]);
    worst_kl = std::max(worst_kl, std::abs(t["kl"][i + 1] - kl[i]) / std::max(kl[i], floor));
    CHECK(t["kl"][i + 1] >= 0.0);
    CHECK(result.history[i] <=
          t["elbo"][i + 1] + 1e-12 * std::abs(result.history[i]));  // the M-step raised it
    CHECK(t["elbo"][i + 1] <= result.history[i + 1]);
  }
  CHECK(worst_elbo < 1e-12);
  CHECK(worst_kl < 1e-9);
}

}  // namespace

TEST_CASE("trace: the reference's ELBO and KL of every type, on any ranks", "[mpi]") {
  const auto stems = reference::stems("elbo_");
  REQUIRE(stems.size() == 2);
  for (const std::string& stem : stems) {
    const auto file = reference::load_json(stem);
    for (const auto& [type, block] : file.at("by_type").items()) {
      INFO(stem << " " << type);
      check_reference(file, type, block);
    }
  }
}

TEST_CASE("trace: the divergence is accurate where the models are almost equal", "[serial]") {
  // Two components at -1 and 1: moving the mean of one by h changes log odds by (x - mu) h - h^2/2, and the
  // divergence is, to second order, half the variance of a coin times its square.
  const auto model = [](double mean) {
    return in_memory::make_model("spherical", reference::Parameters{{0.5, 0.5}, {-1.0, mean}, {1.0, 1.0}});
  };
  const std::vector<double> rows{-2.0, -0.5, 0.25, 1.5, 3.0};
  const auto data = in_memory::make_data(alone(), rows, 1);
  for (const double h : {1e-3, 1e-6, 1e-9}) {
    double expected = 0.0;
    for (const double x : rows) {
      const double r = 1.0 / (1.0 + std::exp(-2.0 * x)), odds = (x - 1.0) * h;
      expected += 0.5 * r * (1.0 - r) * odds * odds;
    }
    const double found = gmmpi::responsibility_divergence(alone(), data, model(1.0), model(1.0 + h));
    CHECK(found == Approx(expected).epsilon(4.0 * h + 1e-6));
  }
  CHECK(gmmpi::responsibility_divergence(alone(), data, model(1.0), model(1.0)) == 0.0);
}

TEST_CASE("trace: the divergence of far models is that of the textbook's formula", "[mpi]") {
  const auto rows = in_memory::clusters(400, 1, 3, 2.0, 3);
  std::vector<double> weights;
  for (int n = 0; n < 400; ++n) weights.push_back(n % 5 == 1 ? 0.0 : 0.5 + n % 3);
  const reference::Parameters a{{0.3, 0.7}, {-1.0, 2.0}, {1.0, 4.0}}, b{{0.6, 0.4}, {0.5, -3.0}, {2.0, 0.5}};
  const auto posterior = [](const reference::Parameters& p, double x, int k) {
    long double joint[2];
    for (int l = 0; l < 2; ++l) {
      const long double z = x - p.means[l], v = p.covariances[l];
      joint[l] = p.weights[l] * std::exp(-z * z / (2.0L * v)) / std::sqrt(v);
    }
    return joint[k] / (joint[0] + joint[1]);
  };
  long double expected = 0.0L;
  for (int n = 0; n < 400; ++n)
    for (int k = 0; k < 2; ++k) {
      const long double q = posterior(a, rows[n], k), r = posterior(b, rows[n], k);
      expected += weights[n] * q * std::log(q / r);
    }
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, rows, 1, weights);
  const double found = gmmpi::responsibility_divergence(execution, data, in_memory::make_model("diag", a),
                                                        in_memory::make_model("diag", b));
  CHECK(found == Approx(static_cast<double>(expected)).epsilon(1e-12));
}

TEST_CASE("trace: it changes no bit of a fit, and its own do not depend on the layout", "[mpi]") {
  const auto rows = in_memory::clusters(3000, 3, 4, 1.0, 8);
  for (const gmmpi::Acceleration accelerate : {gmmpi::Acceleration::none, gmmpi::Acceleration::lbfgs}) {
    FitOptions options;
    options.n_components = 4;
    options.structure = &gmmpi::find_structure("full");
    options.init = gmmpi::Init::random_from_data;
    options.accelerate = accelerate;
    options.max_iter = 15;
    options.n_init = 2;
    const auto whole = in_memory::make_data(alone(), rows, 3);
    const FitResult plain = in_memory::fit(alone(), whole, options);
    options.trace_bound = true;
    const FitResult expected = in_memory::fit(alone(), whole, options);
    const auto execution = on(test_world(), 3);
    const FitResult traced = in_memory::fit(execution, in_memory::make_data(execution, rows, 3), options);
    CHECK(plain.traces["elbo"].empty());
    for (const FitResult* one : {&expected, &traced}) {
      CHECK(same_bits(one->history, plain.history));
      CHECK(same_bits(one->model.covariances, plain.model.covariances));
      CHECK(one->n_sweeps == plain.n_sweeps);
    }
    CHECK(same_bits(traced.traces["elbo"], expected.traces["elbo"]));
    CHECK(same_bits(traced.traces["kl"], expected.traces["kl"]));
    CHECK(same_bits(traced.traces["parameter_change"], expected.traces["parameter_change"]));
    for (std::size_t i = 1; i < traced.traces["kl"].size(); ++i) {
      CHECK(traced.traces["kl"][i] >= 0.0);
      CHECK(traced.traces["elbo"][i] == traced.history[i] - traced.traces["kl"][i]);
      CHECK(traced.traces["parameter_change"][i] > 0.0);
    }
  }
}

TEST_CASE("trace: the parameters' change is in widths of the component that moves most", "[serial]") {
  const auto rows = in_memory::clusters(500, 2, 2, 3.0, 2);
  const reference::Parameters start{{0.5, 0.5}, {0.0, 0.0, 1.0, 1.0}, {4.0, 9.0}};
  FitOptions options = in_memory::exactly(1, in_memory::make_model("spherical", start));
  options.trace_bound = true;
  const FitResult result = in_memory::fit(alone(), in_memory::make_data(alone(), rows, 2), options);
  double widest = 0.0;
  for (int k = 0; k < 2; ++k) {
    const gmmpi::Mixture& m = result.model;
    const double a = std::log(m.weights[k] / start.weights[k]), v = start.covariances[k],
                 b = 0.5 * std::log(m.covariances[k] / v), x = m.means[2 * k] - start.means[2 * k],
                 y = m.means[2 * k + 1] - start.means[2 * k + 1];
    widest = std::max(widest, std::sqrt(a * a + (x * x + y * y) / v + 2.0 * 2.0 * b * b));
  }
  CHECK(result.traces["parameter_change"][1] == Approx(widest).epsilon(1e-12));
}

TEST_CASE("trace: other engines have no lower bound", "[serial]") {
  FitOptions options;
  options.structure = &gmmpi::find_structure("diag");
  options.trace_bound = true;
  const auto data = in_memory::make_data(alone(), in_memory::clusters(50, 1, 1, 0.0, 1), 1);
  for (const gmmpi::Engine* engine : {&gmmpi::find_engine("hard"), &gmmpi::find_engine("kmeans")}) {
    options.engine = engine;
    CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`trace` elbo"));
  }
}
