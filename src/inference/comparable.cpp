// The most overlapping pair.
#include "inference/comparable.hpp"

#include <algorithm>
#include <cmath>

#include "gmmpi/inference/diagnostics.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

const CovarianceStructure& comparable(const Mixture& a, const Mixture& b) {
  if (!a.component->has_covariances()) return *a.structure;
  return unconstrained(a.layout().is_diagonal() && b.layout().is_diagonal() ? variances() : matrices());
}

std::optional<Overlap> most_overlapping(const Execution& execution, const Mixture& mixture) {
  if (mixture.n_components < 2 || !mixture.component->has_overlap()) return std::nullopt;
  const KernelTable& kernels = *execution.kernels;
  const int K = mixture.n_components;
  const Mixture m = with_structure(mixture, comparable(mixture, mixture), kernels);
  std::vector<Overlap> best(K);  // of k with those before it
  for_each_index(0, K, execution.n_threads, [&](std::int64_t index, int) {
    const int k = static_cast<int>(index);
    const std::vector<double> distances = m.component->bhattacharyya(m, k, m, kernels);
    for (int l = 0; l < k; ++l) {
      double factor = 0.0;
      const double exponent = -std::max(0.0, distances[l]);
      kernels.exp(1, &exponent, &factor);
      const double bound = std::sqrt(m.weights[l] * m.weights[k]) * factor;
      if (l == 0 || bound > best[k].bound) best[k] = {l, k, distances[l], bound};
    }
  });
  return *std::max_element(best.begin() + 1, best.end(),
                           [](const Overlap& x, const Overlap& y) { return x.bound < y.bound; });
}

}  // namespace gmmpi
