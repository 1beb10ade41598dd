// The registry of engines: what each says of itself is true of it, and one from outside is asked the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "em/problem.hpp"
#include "em/progress.hpp"
#include "gmmpi/em/engine_options.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::Engine;
using gmmpi::FitOptions;
using gmmpi::FitResult;
using in_memory::alone;

FitOptions options_for(const Engine& engine) {
  FitOptions options;
  options.engine = &engine;
  options.n_components = 3;
  options.structure = &gmmpi::find_structure("diag");
  options.init = gmmpi::Init::kmeans_plusplus;
  options.max_iter = 5;
  options.tol = 0.0;
  return options;
}

gmmpi::MemoryData rows() {
  return in_memory::make_data(alone(), in_memory::clusters(500, 2, 3, 2.0, 7), 2);
}

/// Keeps the starts and does nothing else, in passes that are counted; its option says how many.
struct Patience {
  int n_passes = 2;
  std::vector<gmmpi::OptionField> fields() {
    return {{"passes", "N", "how often nothing is done", &n_passes}};
  }
};
struct Count {
  std::int64_t n_done = 0;
  std::vector<gmmpi::StateField> fields() { return {{"state", "n_done", &n_done}}; }
};
class Idle final : public Engine {
 public:
  std::string_view name() const override { return "idle"; }
  std::string_view summary() const override { return "nothing at all"; }
  Objective objective() const override { return {"calm"}; }
  std::vector<gmmpi::TraceKind> traces() const override { return {{"calm"}}; }
  gmmpi::EngineOptions options() const override { return Patience(); }
  gmmpi::EngineState state(const FitOptions&) const override { return Count(); }
  void check(const FitOptions& o) const override {
    if (o.engine_options.has_value() && o.engine_options.find<Patience>()->n_passes > 9)
      throw gmmpi::Error(gmmpi::ExitCode::usage, "`passes` must not be above 9");
  }
  void run(const gmmpi::Problem& p, gmmpi::FitState& state) const override {
    auto own = p.options.engine_options.has_value() ? p.options.engine_options : options();
    auto& count = state.engine.as<Count>();
    for (; count.n_done < own.as<Patience>().n_passes; ++count.n_done) {
      p.observer.safe_point(state);
      state.traces["calm"].push_back(static_cast<double>(state.restart));
      state.seconds.push_back(0.0);
      gmmpi::tell_iteration(p, state, std::nan(""), std::nan(""));
      ++state.n_iter;
    }
    state.history = {-1.0};
  }
};

}  // namespace

TEST_CASE("engines: each is found by its name, and no two have the same", "[serial]") {
  std::set<std::string_view> names;
  for (const Engine* engine : gmmpi::engines()) {
    names.insert(engine->name());
    CHECK(&gmmpi::find_engine(engine->name()) == engine);
    CHECK_FALSE(engine->summary().empty());
  }
  CHECK(names.size() == gmmpi::engines().size());
  CHECK(&gmmpi::default_engine() == gmmpi::engines().front());
  CHECK(FitOptions().engine == &gmmpi::default_engine());
  CHECK_THROWS_WITH(gmmpi::find_engine("magic"),
                    "`engine`: 'magic' is unknown; choose em or hard or kmeans or stepwise or sequential");
  CHECK(gmmpi::engines_that([](const Engine& e) { return e.parameters_are_means(); }, ", ") ==
        "kmeans, sequential");
}

TEST_CASE("engines: each fills the traces that it names, and moves what it begins with", "[serial]") {
  const auto data = rows();
  for (const Engine* engine : gmmpi::engines()) {
    INFO(engine->name());
    const FitResult result = in_memory::fit(alone(), data, options_for(*engine));
    CHECK(in_memory::all_finite(result));
    for (const gmmpi::TraceKind& kind : engine->traces())
      CHECK(result.traces[kind.name].size() >= static_cast<std::size_t>(result.n_iter));
    CHECK_FALSE(result.values(engine->objective().trace).empty());
    CHECK_FALSE(result.values(engine->progress().trace).empty());
    CHECK((result.model.label_rule == gmmpi::LabelRule::nearest) == engine->parameters_are_means());
  }
}

TEST_CASE("engines: what one cannot do is refused, and those that can are named", "[serial]") {
  const auto data = rows();
  const std::pair<bool Engine::Abilities::*, void (*)(FitOptions&)> abilities[] = {
      {&Engine::Abilities::constraints, [](FitOptions& o) { o.prior.emplace(); }},
      {&Engine::Abilities::noise, [](FitOptions& o) { o.noise.emplace(); }},
      {&Engine::Abilities::short_runs, [](FitOptions& o) { o.short_runs = 2, o.n_init = 2; }},
      {&Engine::Abilities::acceleration, [](FitOptions& o) { o.accelerate = gmmpi::Acceleration::lbfgs; }},
      {&Engine::Abilities::bound, [](FitOptions& o) { o.trace_bound = true; }}};
  for (const Engine* engine : gmmpi::engines())
    for (const auto& [ability, ask_for] : abilities) {
      INFO(engine->name());
      FitOptions options = options_for(*engine);
      ask_for(options);
      const std::string able =
          gmmpi::engines_that([&, of = ability](const Engine& e) { return e.abilities().*of; });
      if (engine->abilities().*ability)
        CHECK_NOTHROW(in_memory::fit(alone(), data, options));
      else
        CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`engine` " + able));
    }
}

TEST_CASE("engines: options of another engine are refused, as are its own out of range", "[serial]") {
  const auto data = rows();
  FitOptions options = options_for(gmmpi::find_engine("em"));
  options.engine_options = gmmpi::StepwiseOptions();
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("options of another engine"));
  options.engine = &gmmpi::find_engine("sequential");
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("options of another engine"));
  options.engine_options = gmmpi::SequentialOptions{-1};
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`batches`"));
  options.engine = &gmmpi::find_engine("stepwise");
  for (const auto& bad : {gmmpi::StepwiseOptions{0, 0.7}, gmmpi::StepwiseOptions{4, 0.5},
                          gmmpi::StepwiseOptions{4, 1.5}, gmmpi::StepwiseOptions{4, std::nan("")}}) {
    options.engine_options = bad;
    CHECK_THROWS_AS(in_memory::fit(alone(), data, options), gmmpi::Error);
  }
}

TEST_CASE("engines: one that no registry lists has restarts, traces, options and a state like all",
          "[serial]") {
  const Idle idle;
  const auto data = rows();
  FitOptions options = options_for(idle);
  options.n_init = 3;
  options.engine_options = Patience{4};
  const FitResult result = in_memory::fit(alone(), data, options);
  CHECK(result.best_restart == 2);  // what it raises is the number of the restart
  CHECK(result.traces["calm"] == std::vector<double>(4, 2.0));
  CHECK(result.n_iter == 4);
  options.engine_options = Patience{10};
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), "`passes` must not be above 9");
  options.engine_options = {};
  options.prior.emplace();
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`engine` idle knows no"));
}
