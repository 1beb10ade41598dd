// The pilot fit, from the smallest subsample to the largest.
#include "em/pilot.hpp"

#include <algorithm>

#include "em/noise.hpp"
#include "em/subsample.hpp"

namespace gmmpi {

namespace {

constexpr int kShortIterations = 5, kMostIterations = 100;
/// Component by component a matrix has many more ways to fit a few rows than variances have: more starts, and
/// clusters that k-means has finished, find much likelier models. Variances find them from rough ones.
constexpr int kStartsOfMatrices = 8, kStarts = 4, kLloydIterations = 10;
/// Of the log-likelihood per row: a subsample tells no more about all rows, and larger ones stop on plateaus.
constexpr double kTolerance = 1e-4;

class Quiet final : public FitObserver {
 public:
  explicit Quiet(const SafePoint& safe_point) : safe_point_(safe_point) {}
  void safe_point(const FitState&) override { safe_point_(); }

 private:
  const SafePoint& safe_point_;
};

bool has_matrices(const FitOptions& options) {
  return !options.structure->layout().is_diagonal() && !options.structure->layout().is_shared() &&
         options.component->has_covariances();
}

}  // namespace

Index pilot_rows(const FitOptions& options, int n_columns) {
  constexpr Index least = 100, per_column = 5;
  return options.n_components * std::max(least, has_matrices(options) ? per_column * n_columns : 0);
}

std::optional<Pilot> pilot_fit(const Execution& execution, const Data& data, const FitOptions& options,
                               std::uint64_t seed, const SafePoint& safe_point) {
  const std::unique_ptr<Data> sample =
      subsample(execution, data, options.n_components, pilot_rows(options, data.n_columns()), seed);
  if (!sample) return std::nullopt;
  Quiet observer(safe_point);
  Execution unmeasured = execution;
  unmeasured.profile = nullptr;
  FitOptions coarser_options = options;
  if (options.noise) coarser_options.noise = with_box(*options.noise, data);
  FitOptions o = coarser_options;
  if (const Engine& engine = o.engine->on_few_rows(); &engine != o.engine) {
    o.engine = &engine;
    o.engine_options = {};
  }
  o.accelerate = Acceleration::none;
  o.fail_on_collapse = false;
  o.short_runs = 0;
  o.trace_bound = false;
  o.fixed = {};  // what is to stay is what comes of this
  o.seed = seed;
  o.tol = kTolerance;
  const auto run = [&] { return fit(unmeasured, *sample, o, observer).model; };
  if (std::optional<Pilot> coarser = pilot_fit(execution, *sample, coarser_options, seed, safe_point)) {
    o.start = std::move(coarser->model);
  } else {
    o.n_init = has_matrices(options) ? kStartsOfMatrices : kStarts;
    if (!has_matrices(options)) o.lloyd_iterations = kLloydIterations;
    o.max_iter = kShortIterations;
    o.start = run();
  }
  o.init = Init::model;
  o.n_init = 1;
  o.max_iter = kMostIterations;
  if (!has_matrices(options) && o.engine->abilities().acceleration && !o.prior && !o.noise &&
      o.component->has_local_coordinates() && o.structure->extrapolates())
    o.accelerate = Acceleration::lbfgs;
  return Pilot{run(), sample->summary().n_rows};
}

}  // namespace gmmpi
