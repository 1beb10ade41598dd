// Bernoulli mixtures: the reference case, the same bits everywhere, bad data.
// covers: src/data/binary.cpp
// covers: src/model/components/bernoulli.cpp, src/model/layouts/none.cpp, src/model/structures/none.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;

std::vector<double> binary_digits() {
  std::vector<double> rows = reference::load_data("digits").values;
  for (double& x : rows) x = x >= 8.0;
  return rows;
}

gmmpi::Mixture start_of(const nlohmann::json& json) {
  gmmpi::Mixture m;
  in_memory::set_kind(m, "bernoulli");
  m.weights = reference::flat(json.at("weights"));
  m.means = reference::flat(json.at("means"));
  m.n_components = static_cast<int>(m.weights.size());
  m.n_features = static_cast<int>(m.means.size() / m.weights.size());
  return m;
}

double relative(double actual, double expected) {
  return std::abs(actual - expected) / std::abs(expected);
}

}  // namespace

TEST_CASE("bernoulli: trace, parameters and criteria of the reference case", "[mpi]") {
  const nlohmann::json one = reference::load_json("bernoulli_digits_k10");
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, binary_digits(), 64);
  const auto trace = reference::flat(one.at("trace").at("log_likelihood"));
  const auto expected = one.at("converged");
  const int n_iter = expected.at("n_iter");
  const gmmpi::FitResult result =
      in_memory::fit(execution, data, in_memory::exactly(n_iter, start_of(one.at("start"))));
  double worst = 0.0;
  for (std::size_t i = 0; i < trace.size(); ++i)
    worst = std::max(worst, relative(result.history[i], trace[i]));
  CHECK(worst < 1e-10);  // the path leaves a saddle: plain double arithmetic reaches 4e-11
  CHECK(relative(result.log_likelihood(), expected.at("log_likelihood")) < 1e-12);
  const auto weights = reference::flat(expected.at("weights")), means = reference::flat(expected.at("means"));
  for (std::size_t k = 0; k < weights.size(); ++k)
    CHECK(std::abs(result.model.weights[k] - weights[k]) < 1e-10);
  worst = 0.0;
  for (std::size_t e = 0; e < means.size(); ++e)
    worst = std::max(worst, std::abs(result.model.means[e] - means[e]));
  CHECK(worst < 1e-10);  // of the path's amplified rounding 4e-12 are left
  const gmmpi::Score score = gmmpi::score(execution, data, result.model);
  CHECK(result.model.n_parameters() == expected.at("n_parameters").get<int>());
  CHECK(relative(score.aic, expected.at("aic")) < 1e-12);
  CHECK(relative(score.bic, expected.at("bic")) < 1e-12);
  CHECK(relative(score.icl, expected.at("icl")) < 1e-9);

  const auto lonely = in_memory::make_data(alone(), binary_digits(), 64);
  const auto same = in_memory::fit(alone(), lonely, in_memory::exactly(n_iter, start_of(one.at("start"))));
  CHECK(in_memory::same_bits(result.history, same.history));
  CHECK(in_memory::same_bits(result.model.means, same.model.means));
}

TEST_CASE("bernoulli: every start ends in a proper model; equal means converge in one step", "[serial]") {
  const auto data = in_memory::make_data(alone(), binary_digits(), 64);
  for (const auto init : {gmmpi::Init::kmeans, gmmpi::Init::kmeans_plusplus, gmmpi::Init::random,
                          gmmpi::Init::random_from_data}) {
    gmmpi::FitOptions options;
    in_memory::set_kind(options, "bernoulli");
    options.n_components = 5;
    options.init = init;
    options.max_iter = 30;
    const gmmpi::FitResult result = in_memory::fit(alone(), data, options);
    INFO("init " << int(init));
    CHECK(in_memory::all_finite(result));
    for (const double mu : result.model.means) CHECK((mu >= 0.0 && mu <= 1.0));
    for (std::size_t i = 1; i < result.history.size(); ++i)
      CHECK(result.history[i] >= result.history[i - 1] * (1.0 + 1e-13));
  }
  // Bishop's exercise 9.15: identical starting means become the sample mean at once, and stay.
  gmmpi::Mixture start = start_of(reference::load_json("bernoulli_digits_k10").at("start"));
  for (std::size_t e = 64; e < start.means.size(); ++e) start.means[e] = start.means[e - 64];
  const gmmpi::FitResult result = in_memory::fit(alone(), data, in_memory::exactly(3, start));
  CHECK(relative(result.history[2], result.history[1]) < 1e-14);
}

TEST_CASE("bernoulli: what is not 0 or 1 is refused with its row and column", "[mpi]") {
  std::vector<double> rows = binary_digits();
  rows[700 * 64 + 5] = 0.5;
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows, 64);
  gmmpi::FitOptions options;
  in_memory::set_kind(options, "bernoulli");
  CHECK_THROWS_WITH(in_memory::fit(execution, data, options),
                    Catch::Contains("row 700, column 5 is 0.5") && Catch::Contains("Bernoulli"));
}
