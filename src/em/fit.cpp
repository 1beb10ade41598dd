// The fit: what all restarts share, and one after the other.
#include "gmmpi/em/fit.hpp"

#include <numeric>

#include "data/summary.hpp"
#include "em/engines/em.hpp"
#include "em/engines/kmeans.hpp"
#include "em/engines/sequential.hpp"
#include "em/engines/stepwise.hpp"
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

/// The state that `resume` holds, with the factors that checkpoints leave out; else that of a begin.
FitState first_state(const KernelTable& kernels, const FitState* resume) {
  if (!resume) return {};
  FitState state = *resume;
  for (Mixture* model : {&state.model, &state.previous, &state.acceleration.em_model, &state.best.model})
    if (!model->weights.empty()) factorise(*model, kernels);
  return state;
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
        is_kmeans(p.options.engine)
            ? make_centers(p.execution, p.data, p.moments, p.options, p.regularisation, state, safe_point)
            : make_start(p.execution, p.data, p.moments, p.options,
                         {p.regularisation, p.prior ? &*p.prior : nullptr}, state, safe_point));
    if (p.options.noise) add_noise(*p.options.noise, p.data, *p.execution.kernels, state.model);
  }
  state.phase = FitState::Phase::em;
}

void run_engine(const Problem& p, FitState& state) {
  if (p.options.engine == Engine::kmeans)
    run_kmeans(p, state);
  else if (p.options.engine == Engine::stepwise)
    run_stepwise(p, state);
  else if (p.options.engine == Engine::sequential)
    run_sequential(p, state);
  else
    run_em(p, state);
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
  FitState state = first_state(*execution.kernels, resume);
  while (state.restart < options.n_runs()) {
    observer.restart_begins(state.restart);
    start(p, state);
    run_engine(p, state);
    observer.restart_ended(state.restart, state.converged, state.history.back());
    finish_restart(options, state);
  }
  return result_of(p, std::move(state));
}

}  // namespace gmmpi
