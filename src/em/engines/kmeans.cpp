// kmeans: Lloyd's iterations as an end in themselves (Lloyd 1982).
#include <array>

#include "em/cluster_sums.hpp"
#include "em/engines/centers_loop.hpp"
#include "em/engines/engines.hpp"
#include "em/lloyd.hpp"
#include "em/progress.hpp"

namespace gmmpi {

namespace {

/// Records that a centre without rows was moved.
void note_move(const Problem& p, FitState& state, const LloydStep& step) {
  state.just_reseeded = step.moved >= 0;
  if (step.moved < 0) return;
  const int iteration = state.n_iter + 1;
  if (p.options.fail_on_collapse) throw_collapsed(step.moved, "has no rows", iteration);
  note_reseeds(p, state, std::array{Reseed{state.restart, iteration, step.moved, step.row}});
}

class KMeans final : public CentersEngine {
 public:
  std::string_view name() const override { return "kmeans"; }
  std::string_view summary() const override { return "Lloyd's iterations, each row to the nearest mean"; }
  Abilities abilities() const override { return {.gaps = true}; }

  void run(const Problem& p, FitState& state) const override {
    ClusterSums clusters(p.execution, p.data, p.options.n_components, ClusterSums::Inertia::yes);
    Stopwatch watch;
    for (;;) {
      p.observer.safe_point(state);
      ++state.n_sweeps;
      // r_nk = 1 for the centre nearest to row n, else 0                                Bishop (2006), 9.2
      const std::vector<double> sums = clusters.update(state.centers);
      state.traces[kInertia].push_back(clusters.inertia());
      state.seconds.push_back(watch.lap());
      // mu_k = sum_n r_nk x_n / sum_n r_nk                                                             9.4
      LloydStep step = lloyd_step(p.execution, p.data, state.centers, sums);
      if (ends_with_inertia(p, state, step.centers != state.centers)) break;
      note_move(p, state, step);
      state.centers = std::move(step.centers);
      ++state.n_iter;
    }
    end_with_centers(p, state);
  }
};

}  // namespace

const Engine& kmeans_engine() {
  static const KMeans engine;
  return engine;
}

}  // namespace gmmpi
