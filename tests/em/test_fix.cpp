// --fix: what is fixed keeps its bits, the rest is what maximises the likelihood beside it.
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

struct Three {
  gmmpi::FixedParameters fixed;
  const char* name;
};
const std::vector<Three> kSome = {{{true, false, false}, "weights"},
                                  {{false, true, false}, "means"},
                                  {{false, false, true}, "covariances"},
                                  {{true, true, false}, "weights,means"},
                                  {{true, false, true}, "weights,covariances"},
                                  {{false, true, true}, "means,covariances"}};

gmmpi::FitResult fit(const gmmpi::Execution& execution, const gmmpi::Data& data, const reference::Case& one,
                     const gmmpi::FixedParameters& fixed, int n_iter) {
  gmmpi::FitOptions options =
      in_memory::exactly(n_iter, in_memory::make_model(one.covariance_type, one.start));
  options.fixed = fixed;
  return in_memory::fit(execution, data, options);
}

}  // namespace

TEST_CASE("fix: what is fixed keeps its bits, the likelihood never falls, on any ranks", "[mpi]") {
  const auto rows = reference::load_data("overlap3d");
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows.values, 3);
  const auto whole = in_memory::make_data(alone(), rows.values, 3);
  for (const std::string& type : kTypes)
    for (const auto& [fixed, name] : kSome) {
      INFO(type << ", " << name);
      const reference::Case one = reference::load_file("em_overlap3d_k3_" + type).front();
      const auto result = fit(execution, data, one, fixed, 15);
      const auto start = in_memory::make_model(type, one.start);
      CHECK(same_bits(result.model.weights, start.weights) == fixed.weights);
      CHECK(same_bits(result.model.means, start.means) == fixed.means);
      CHECK(same_bits(result.model.covariances, start.covariances) == fixed.covariances);
      CHECK(result.n_recentred == 0);
      for (std::size_t i = 1; i < result.history.size(); ++i)
        CHECK(result.history[i] >= result.history[i - 1] - 1e-10);
      CHECK(result.history.back() > result.history.front() + 1e-3);
      const auto same = fit(alone(), whole, one, fixed, 15);
      CHECK(same_bits(result.history, same.history));
      CHECK(same_bits(result.model.covariances, same.model.covariances));
    }
}

TEST_CASE("fix: means that stay have covariances about them", "[serial]") {
  const std::vector<double> rows{1, 2, 3, 5, 4, 4};
  const auto data = in_memory::make_data(alone(), rows, 2);
  gmmpi::FitOptions options = in_memory::exactly(
      1, in_memory::make_model("full", reference::Parameters{{1.0}, {10, -10}, {1, 0, 0, 1}}));
  options.fixed.means = true;
  const auto model = in_memory::fit(alone(), data, options).model;
  double expected[4] = {};
  for (int n = 0; n < 3; ++n)
    for (int e = 0; e < 4; ++e)
      expected[e] +=
          (rows[2 * n + e / 2] - (e / 2 ? -10 : 10)) * (rows[2 * n + e % 2] - (e % 2 ? -10 : 10)) / 3;
  for (int e = 0; e < 4; ++e) CHECK(model.covariances[e] == Approx(expected[e]).epsilon(1e-14));
}

TEST_CASE("fix: one M-step beside fixed weights and covariances is the textbook's for the means",
          "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, 3);
  for (const std::string& type : kTypes) {
    const reference::Case one = reference::load_file("em_overlap3d_k3_" + type).front();
    const auto model = fit(alone(), data, one, {true, false, true}, 1).model;
    for (std::size_t e = 0; e < model.means.size(); ++e)
      CHECK(model.means[e] == Approx(one.after_first.means[e]).epsilon(1e-12));
    const auto weights = fit(alone(), data, one, {false, true, true}, 1).model.weights;
    for (std::size_t k = 0; k < weights.size(); ++k)
      CHECK(weights[k] == Approx(one.after_first.weights[k]).epsilon(1e-12));
  }
}

TEST_CASE("fix: parameters that stay are not counted", "[serial]") {
  const auto count = [](const std::string& type, gmmpi::FixedParameters fixed) {
    gmmpi::Mixture m;
    m.structure = &gmmpi::find_structure(type);
    m.n_components = 3;
    m.n_features = 2;
    return fixed.n_free(m);
  };
  CHECK(count("full", {}) == 2 + 6 + 9);
  CHECK(count("full", {true, false, false}) == 6 + 9);
  CHECK(count("full", {false, true, false}) == 2 + 9);
  CHECK(count("tied", {false, false, true}) == 2 + 6);
  CHECK(count("diag", {true, true, false}) == 6);
}

TEST_CASE("fix: without a start model the start's values stay", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, 3);
  gmmpi::FitOptions options;
  options.n_components = 3;
  options.structure = &gmmpi::find_structure("full");
  options.max_iter = 0;
  const auto start = in_memory::fit(alone(), data, options).model;
  options.max_iter = 5;
  options.fixed.means = true;
  const auto result = in_memory::fit(alone(), data, options);
  CHECK(same_bits(result.model.means, start.means));
  CHECK(!same_bits(result.model.covariances, start.covariances));
}

TEST_CASE("fix: what leaves nothing to do, or cannot be mended, is refused", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, 3);
  const reference::Case one = reference::load_file("em_overlap3d_k3_full").front();
  CHECK_THROWS_WITH(fit(alone(), data, one, {true, true, true}, 1), Catch::Contains("leaves nothing to fit"));
  gmmpi::FitOptions options = in_memory::exactly(1, in_memory::make_model("full", one.start));
  options.fixed.weights = true;
  options.accelerate = gmmpi::Acceleration::lbfgs;
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`accelerate` or `fix`"));

  reference::Parameters far = one.start;
  for (int j = 0; j < 3; ++j) far.means[j] += 1e6;
  options = in_memory::exactly(1, in_memory::make_model("full", far));
  options.fixed.weights = true;
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("component 0 collapsed"));
  options.fixed = {false, true, true};  // only weights: a component may lose all its rows
  CHECK(in_memory::fit(alone(), data, options).model.weights[0] == 0.0);
}
