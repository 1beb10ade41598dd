// Restarts: the best of them by what the engine raises.
#include "em/restarts.hpp"

#include <utility>

namespace gmmpi {

namespace {

/// What the engine has raised, of a FitState or a FitResult.
double objective(const auto& run) {
  if (!run.traces.log_posterior.empty()) return run.traces.log_posterior.back();
  if (!run.traces.inertia.empty()) return -run.traces.inertia.back();
  return run.classification.empty() ? run.history.back() : run.classification.back();
}

/// What counts over all restarts, whichever is kept.
void add_up(const FitState& state, FitResult& all) {
  all.restart_log_likelihoods.push_back(state.history.back());
  all.reseeds.insert(all.reseeds.end(), state.reseeds.begin(), state.reseeds.end());
  all.n_recentred += state.n_recentred;
  all.n_rejected += state.n_rejected;
  all.n_sweeps += state.n_sweeps;
}

void keep(FitState& state, FitResult& best) {
  best.model = std::move(state.model);
  best.history = std::move(state.history);
  best.classification = std::move(state.classification);
  best.seconds = std::move(state.seconds);
  best.traces = std::move(state.traces);
  best.converged = state.converged;
  best.n_iter = state.n_iter;
}

}  // namespace

void continue_best(FitState& state) {
  state.model = state.best.model;
  state.history = state.best.history;
  state.classification = state.best.classification;
  state.seconds = state.best.seconds;
  state.traces.log_posterior = state.best.traces.log_posterior;
  for (std::vector<double>* trace :
       {&state.history, &state.classification, &state.seconds, &state.traces.log_posterior})
    if (!trace->empty()) trace->pop_back();
  state.n_iter = state.best.n_iter;
}

void finish_restart(const FitOptions& options, FitState& state) {
  FitResult& best = state.best;
  const bool goes_on = state.restart == options.n_init;
  const bool better = goes_on || best.history.empty() || objective(state) > objective(best);
  add_up(state, best);
  if (better) {
    keep(state, best);
    if (!goes_on) best.best_restart = state.restart;
  }
  FitState next;
  next.restart = state.restart + 1;
  next.best = std::move(best);
  state = std::move(next);
}

}  // namespace gmmpi
