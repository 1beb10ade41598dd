// Selection: cross-validation by hand, what is chosen, what is left out, and the same numbers on any ranks.
#include "gmmpi/inference/select.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "data/fold_data.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Candidate;
using gmmpi::Criterion;
using gmmpi::Index;
using gmmpi::Selection;
using gmmpi::SelectOptions;

SelectOptions options_of(std::vector<int> n_components, const std::vector<std::string>& types) {
  SelectOptions o;
  o.n_components = std::move(n_components);
  for (const std::string& type : types) o.structures.push_back(&gmmpi::find_structure(type));
  return o;
}

Selection select(const gmmpi::Execution& execution, const gmmpi::Data& data, const SelectOptions& options) {
  const auto fit = [&](const std::string&, const gmmpi::Data& rows, const gmmpi::FitOptions& f) {
    return in_memory::fit(execution, rows, f);
  };
  return gmmpi::select(execution, data, options, fit, [](const Candidate&) {});
}

std::vector<double> one_column(Index n) {
  const std::vector<double> two = in_memory::clusters(n, 1, 2, 6.0, 9);
  return {two.begin(), two.end()};
}

}  // namespace

TEST_CASE("select: the held-out log-likelihood of one Gaussian is that computed by hand", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const Index n = 203;
  const std::vector<double> x = one_column(n);
  std::vector<double> w(n, 1.0);
  for (Index i = 0; i < n; i += 3) w[i] = 2.0;
  const auto data = in_memory::make_data(execution, x, 1, w);
  SelectOptions options = options_of({1}, {"diag"});
  options.criterion = Criterion::cv;
  options.n_folds = 4;
  options.fit.seed = 8;
  options.fit.reg_covar = 0.0;
  const Selection s = select(execution, data, options);
  const std::vector<int> fold_of = gmmpi::Folds{4, 8}.of_rows(0, n);
  double total = 0.0, weight = 0.0;
  std::vector<double> means;
  for (int fold = 0; fold < 4; ++fold) {
    double W = 0.0, sum = 0.0, squares = 0.0, held = 0.0, L = 0.0;
    for (Index i = 0; i < n; ++i)
      if (fold_of[i] != fold) W += w[i], sum += w[i] * x[i];
    for (Index i = 0; i < n; ++i)
      if (fold_of[i] != fold) squares += w[i] * (x[i] - sum / W) * (x[i] - sum / W);
    for (Index i = 0; i < n; ++i) {
      if (fold_of[i] != fold) continue;
      const double variance = squares / W, delta = x[i] - sum / W;
      held += w[i];
      L -= 0.5 * w[i] * (delta * delta / variance + std::log(2.0 * std::numbers::pi * variance));
    }
    means.push_back(L / held);
    total += L;
    weight += held;
  }
  const double mean = (means[0] + means[1] + means[2] + means[3]) / 4.0;
  double spread = 0.0;
  for (const double m : means) spread += (m - mean) * (m - mean);
  CHECK(s.candidates[0].held_out.mean == Approx(total / weight).epsilon(1e-12));
  CHECK(s.candidates[0].held_out.standard_error == Approx(std::sqrt(spread / 12.0)).epsilon(1e-9));
}

TEST_CASE("select: two far clusters are found by every criterion", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const auto data = in_memory::make_data(execution, in_memory::clusters(400, 2, 2, 8.0, 4), 2);
  for (const Criterion criterion : {Criterion::bic, Criterion::icl, Criterion::cv}) {
    SelectOptions options = options_of({1, 2, 3}, {"full", "spherical"});
    options.criterion = criterion;
    const Selection s = select(execution, data, options);
    CAPTURE(gmmpi::criterion_name(criterion));
    REQUIRE(s.candidates.size() == 6);
    CHECK(s.candidates[0].structure->name() == "full");
    CHECK(s.candidates[5].n_components == 3);
    CHECK(s.options.n_components == 2);
    CHECK(s.options.structure->name() == "spherical");
    CHECK(s.best == 4);
    CHECK(s.result.model.n_components == 2);
    for (const Candidate& c : s.candidates) CHECK(c.loss(criterion) >= s.candidates[s.best].loss(criterion));
  }
}

TEST_CASE("select: candidates that cannot be fitted are listed, degenerate ones are not chosen", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  std::vector<double> x = one_column(60);
  for (std::size_t i = 0; i < 20; ++i) x[i] = 40.0;  // tied values: a likelihood without bound
  const auto data = in_memory::make_data(execution, x, 1);
  SelectOptions options = options_of({1, 2, 3, 50}, {"full"});
  options.fit.n_init = 4;
  options.fit.reg_covar = 1e-9;
  const Selection s = select(execution, data, options);
  CHECK(s.best == 0);
  for (const std::size_t i : {1, 2}) {
    CHECK(s.candidates[i].degenerate);
    CHECK(s.candidates[i].score.bic < s.candidates[0].score.bic);
    CHECK(s.candidates[i].reason.find("but what `reg_covar` added") != std::string::npos);
  }
  CHECK_FALSE(s.candidates[3].fitted);
  CHECK(s.candidates[3].reason.find("fewer distinct rows") != std::string::npos);
  options.keep_degenerate = true;
  CHECK(select(execution, data, options).best != 0);

  options.keep_degenerate = false;
  options.n_components = {2, 3};
  CHECK_THROWS_WITH(select(execution, data, options), Catch::Contains("`degenerate` keep"));
  options.n_components = {55, 60};
  CHECK_THROWS_WITH(select(execution, data, options), Catch::Contains("no candidate could be fitted"));
}
