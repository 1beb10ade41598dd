// Iterations and reseeds: noted, and told.
#include "em/progress.hpp"

#include <limits>

namespace gmmpi {

void tell_iteration(const Problem& p, const FitState& state, double log_likelihood, double change) {
  FitObserver::Iteration seen{state.restart, state.n_iter, log_likelihood, change, state.seconds.back()};
  for (const TraceKind& kind : trace_kinds(p.options)) {
    const std::vector<double>& values = state.traces[kind.name];
    seen.traces.push_back({kind, values.empty() ? std::numeric_limits<double>::quiet_NaN() : values.back()});
  }
  p.observer.iteration(seen);
}

void note_reseeds(const Problem& p, FitState& state, std::span<const Reseed> reseeds) {
  for (const Reseed& reseed : reseeds) p.observer.reseeded(reseed);
  state.reseeds.insert(state.reseeds.end(), reseeds.begin(), reseeds.end());
}

std::int64_t n_reseeds_left(const Problem& p, const FitState& state) {
  return kMostReseeds * p.options.n_components - std::ssize(state.reseeds);
}

}  // namespace gmmpi
