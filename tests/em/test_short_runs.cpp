// Short runs: the best restart after a few iterations goes on, as if it had been the only one.
#include <algorithm>
#include <catch2/catch.hpp>

#include "gmmpi/em/fit.hpp"
#include "gmmpi/io/checkpoint.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::FitResult;
using gmmpi::FitState;

FitOptions restarts(int n_init, int short_runs, const gmmpi::Engine* engine = &gmmpi::find_engine("em")) {
  FitOptions f;
  f.n_components = 4;
  f.structure = &gmmpi::find_structure("full");
  f.engine = engine;
  f.init = gmmpi::Init::random_from_data;
  f.n_init = n_init;
  f.short_runs = short_runs;
  f.seed = 3;
  return f;
}

gmmpi::MemoryData rows(const gmmpi::Execution& execution) {
  return in_memory::make_data(execution, in_memory::clusters(500, 2, 4, 3.0, 7), 2);
}

/// Keeps every state from which a fit could be continued.
struct Recorder final : gmmpi::FitObserver {
  void safe_point(const FitState& state) override { states.push_back(state); }
  std::vector<FitState> states;
};

double objective_of(const FitResult& run) {
  const std::vector<double>& hard = run.traces["classification_log_likelihood"];
  return hard.empty() ? run.history.back() : hard.back();
}

void check_same(const FitResult& a, const FitResult& b) {
  CHECK(in_memory::same_bits(a.history, b.history));
  CHECK(in_memory::same_bits(a.traces["classification_log_likelihood"],
                             b.traces["classification_log_likelihood"]));
  CHECK(in_memory::same_bits(a.model.means, b.model.means));
  CHECK(in_memory::same_bits(a.model.covariances, b.model.covariances));
  CHECK(a.n_iter == b.n_iter);
  CHECK(a.converged == b.converged);
}

}  // namespace

TEST_CASE("short runs: the best of them, and only it, is run to its end", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const auto data = rows(execution);
  for (const auto engine : {&gmmpi::find_engine("em"), &gmmpi::find_engine("hard")}) {
    const FitResult whole = in_memory::fit(execution, data, restarts(6, 2, engine));
    int best = 0;
    double highest = 0.0;
    for (int r = 0; r < 6; ++r) {
      FitOptions alone = restarts(1, 0, engine);
      alone.seed += r;
      alone.max_iter = 2;
      const FitResult run = in_memory::fit(execution, data, alone);
      CHECK(whole.restart_log_likelihoods[r] == run.log_likelihood());
      if (r == 0 || objective_of(run) > highest) highest = objective_of(run), best = r;
    }
    CHECK(best != 0);
    CHECK(whole.best_restart == best);
    FitOptions alone = restarts(1, 0, engine);
    alone.seed += best;
    const FitResult run = in_memory::fit(execution, data, alone);
    CHECK(run.n_iter > 2);
    check_same(whole, run);
    CHECK(whole.restart_log_likelihoods.size() == 7);
    CHECK(whole.restart_log_likelihoods.back() == run.log_likelihood());
  }
}

TEST_CASE("short runs: continued from any safe point they end in the same bits", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const auto data = rows(execution);
  const FitOptions f = restarts(3, 3);
  Recorder recorder;
  const FitResult whole = gmmpi::fit(execution, data, f, recorder);
  REQUIRE(recorder.states.size() > 15);
  int n_long = 0;
  for (std::size_t i = 0; i < recorder.states.size(); i += 3) {
    n_long += recorder.states[i].restart == 3;
    const auto bytes = gmmpi::encode_checkpoint(recorder.states[i], f, data.summary());
    const FitState state = gmmpi::decode_checkpoint(bytes, "state", f, data.summary());
    gmmpi::FitObserver silent;
    check_same(gmmpi::fit(execution, data, f, silent, &state), whole);
  }
  CHECK(n_long > 1);
}

TEST_CASE("short runs: a checkpoint is refused when what they mean has changed", "[serial]") {
  const gmmpi::Execution execution = in_memory::alone();
  const auto data = rows(execution);
  const FitOptions f = restarts(3, 3);
  const auto bytes = gmmpi::encode_checkpoint(FitState(), f, data.summary());
  for (const FitOptions& other : {restarts(4, 3), restarts(2, 3), restarts(3, 4), restarts(3, 0)})
    CHECK_THROWS_AS(gmmpi::decode_checkpoint(bytes, "state", other, data.summary()),
                    gmmpi::CheckpointMismatch);
  const auto plain = gmmpi::encode_checkpoint(FitState(), restarts(3, 0), data.summary());
  CHECK_THROWS_AS(gmmpi::decode_checkpoint(plain, "state", f, data.summary()), gmmpi::CheckpointMismatch);
  const auto hard =
      gmmpi::encode_checkpoint(FitState(), restarts(3, 0, &gmmpi::find_engine("hard")), data.summary());
  CHECK_THROWS_AS(gmmpi::decode_checkpoint(hard, "state", restarts(3, 0), data.summary()),
                  gmmpi::CheckpointMismatch);
  FitOptions bad = f;
  bad.short_runs = -1;
  CHECK_THROWS_WITH(in_memory::fit(execution, data, bad), Catch::Contains("`short_runs`"));
}
