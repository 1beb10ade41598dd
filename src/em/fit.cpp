// The fit: what all restarts share, and one after the other.
#include "gmmpi/em/fit.hpp"

#include <numeric>

#include "data/summary.hpp"
#include "em/noise.hpp"
#include "em/prior_of_data.hpp"
#include "em/problem.hpp"
#include "em/restarts.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastVariance = 1e-12;  ///< as a share of the column's

/// `auto` is a floor under the covariances: a tiny share of the column's variance; for constant columns of
/// the mean variance. Fixed covariances bear none.
Regularisation regularisation_of(const FitOptions& options, const std::vector<double>& variance) {
  if (options.fixed.covariances && options.init == Init::model) return {};
  if (options.reg_covar) return {std::vector<double>(variance.size(), *options.reg_covar), {}};
  if (!options.component->has_covariances()) return {};
  const double mean =
      std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(variance.size());
  Regularisation r{{}, variance};
  for (double& least : r.floor) least = kLeastVariance * (least > 0.0 ? least : mean > 0.0 ? mean : 1.0);
  return r;
}

/// Collective. What all restarts share.
Problem make_problem(const Execution& execution, const Data& data, const FitOptions& options,
                     FitObserver& observer) {
  Problem p{execution, data, options, observer, data_moments(execution, data), {}, {}};
  p.regularisation = regularisation_of(options, p.moments.variance);
  if (options.prior) p.prior = prior_of_data(execution, data, options, p.moments);
  return p;
}

/// Of models that a checkpoint held.
void add_factors(const KernelTable& kernels, FitState& state) {
  std::vector<Mixture*> models{&state.model, &state.best.model};
  for (const StateField& field : state.engine.fields())
    if (auto* const model = std::get_if<Mixture*>(&field.place)) models.push_back(*model);
  for (Mixture* model : models)
    if (!model->weights.empty()) factorise(*model, kernels);
}

/// Collective. Up to where the engine begins, from wherever the state is.
void start(const Problem& p, FitState& state) {
  if (state.phase == FitState::Phase::em) return;
  const auto safe_point = [&] { p.observer.safe_point(state); };
  if (state.restart == p.options.n_init) {
    continue_best(state);
    p.observer.started("the best short run, restart " + std::to_string(state.best.best_restart));
  } else {
    p.observer.started(
        p.options.engine->parameters_are_means()
            ? make_centers(p.execution, p.data, p.moments, p.options, p.regularisation, state, safe_point)
            : make_start(p.execution, p.data, p.moments, p.options,
                         {p.regularisation, p.prior ? &*p.prior : nullptr}, state, safe_point));
    if (p.options.noise) add_noise(*p.options.noise, p.data, *p.execution.kernels, state.model);
  }
  state.phase = FitState::Phase::em;
}

FitResult result_of(const Problem& p, FitState state) {
  FitResult result = std::move(state.best);
  result.reg_covar = p.regularisation.added;
  result.reg_covar.resize(p.data.n_columns(), 0.0);
  result.variance_floor = p.regularisation.floor;
  result.prior = p.prior;
  return result;
}

}  // namespace

FitResult fit(const Execution& execution, const Data& data, const FitOptions& options, FitObserver& observer,
              const FitState* resume) {
  validate_fit(execution, data, options, "the data");
  const Problem p = make_problem(execution, data, options, observer);
  FitState state = resume ? *resume : FitState();
  add_factors(*execution.kernels, state);
  while (state.restart < options.n_runs()) {
    observer.restart_begins(state.restart);
    if (!state.engine.has_value()) state.engine = options.engine->state(options);
    start(p, state);
    options.engine->run(p, state);
    observer.restart_ended(state.restart, state.converged, state.history.back());
    finish_restart(options, state);
  }
  return result_of(p, std::move(state));
}

}  // namespace gmmpi
