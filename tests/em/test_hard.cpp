// Classification EM against the reference cases: both traces, parameters, the same bits on ranks.
// covers: src/em/engines/hard.cpp
#include <catch2/catch.hpp>
#include <cmath>

#include "support/in_memory.hpp"
#include "support/world.hpp"

using in_memory::alone;
using in_memory::on;

namespace {

double worst_gap(const std::vector<double>& actual, const std::vector<double>& expected) {
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(actual[i] - expected[i]) / std::abs(expected[i]));
  return worst;
}

}  // namespace

TEST_CASE("hard EM: both traces and the parameters of all reference cases, on any ranks", "[mpi]") {
  const auto cases = reference::load_cases("hard_em_");
  REQUIRE(cases.size() == 12);
  for (const auto& one : cases) {
    INFO(one.name);
    const auto rows = reference::load_data(one.data);
    gmmpi::FitOptions options =
        in_memory::exactly(one.n_iter, in_memory::make_model(one.covariance_type, one.start));
    options.engine = &gmmpi::find_engine("hard");
    const auto execution = on(test_world());
    const auto data = in_memory::make_data(execution, rows.values, rows.d());
    const gmmpi::FitResult result = in_memory::fit(execution, data, options);
    const std::size_t n = one.n_iter + 1;
    REQUIRE(result.history.size() == n);
    CHECK(worst_gap(result.history, {one.log_likelihood.begin(), one.log_likelihood.begin() + n}) < 1e-12);
    CHECK(worst_gap(result.traces["classification_log_likelihood"], {one.classification_log_likelihood.begin(),
                                            one.classification_log_likelihood.begin() + n}) < 1e-12);
    const auto gap = textbook::difference(one.mixture(one.fitted), in_memory::to_textbook(result.model));
    CHECK(static_cast<double>(std::max({gap.weights, gap.means, gap.covariances})) < 1e-12);

    // With a tolerance it ends when no label changes: the same model, from one process.
    options.tol = 1e-12;
    options.max_iter = 100;
    const auto whole = in_memory::make_data(alone(), rows.values, rows.d());
    const gmmpi::FitResult converged = in_memory::fit(alone(), whole, options);
    CHECK(converged.converged);
    CHECK(std::abs(converged.n_iter - one.n_iter) <= 1);
    const auto moved = textbook::difference(one.mixture(one.fitted), in_memory::to_textbook(converged.model));
    CHECK(static_cast<double>(std::max({moved.weights, moved.means, moved.covariances})) < 1e-12);
  }
}
