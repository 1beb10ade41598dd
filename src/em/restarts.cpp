// Restarts: the best of them by what the engine raises.
#include "em/restarts.hpp"

#include <utility>

namespace gmmpi {

double objective(const FitOptions& options, const Path& path) {
  if (options.prior) return path.traces["log_posterior"].back();
  const Engine::Objective objective = options.engine->objective();
  const double reached = path.values(objective.trace).back();
  return objective.is_lowered ? -reached : reached;
}

Effort& Effort::operator+=(const Effort& other) {
  reseeds.insert(reseeds.end(), other.reseeds.begin(), other.reseeds.end());
  n_recentred += other.n_recentred;
  n_rejected += other.n_rejected;
  n_sweeps += other.n_sweeps;
  return *this;
}

void continue_best(FitState& state) {
  static_cast<Path&>(state) = state.best;
  state.map_entropy.reset();
  state.history.pop_back();
  state.seconds.pop_back();
  for (auto& [name, values] : state.traces)
    if (!values.empty()) values.pop_back();
}

void finish_restart(const FitOptions& options, FitState& state) {
  FitResult& best = state.best;
  const bool goes_on = state.restart == options.n_init;
  const bool better = goes_on || best.history.empty() || objective(options, state) > objective(options, best);
  best.restart_log_likelihoods.push_back(state.history.back());
  static_cast<Effort&>(best) += state;
  if (better) {
    static_cast<Path&>(best) = std::move(static_cast<Path&>(state));
    if (!goes_on) best.best_restart = state.restart;
  }
  FitState next;
  next.restart = state.restart + 1;
  next.best = std::move(best);
  state = std::move(next);
}

}  // namespace gmmpi
