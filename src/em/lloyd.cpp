// Lloyd's iterations.
#include "em/lloyd.hpp"

#include <algorithm>

#include "em/assignments.hpp"
#include "em/cluster_sums.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr double kTolerance = 1e-4;

}  // namespace

LloydStep lloyd_step(const Execution& execution, const Data& data, const std::vector<double>& centers,
                     const std::vector<double>& sums) {
  const std::size_t d = data.n_columns(), K = centers.size() / d;
  GMMPI_EXPECT(centers.size() == K * d && sums.size() == K * (1 + d));
  LloydStep step{centers};
  for (std::size_t k = 0; k < K; ++k) {
    const double* sum = sums.data() + k * (1 + d);
    if (sum[0] == 0.0) {
      if (step.moved >= 0) continue;
      const NearestCenter nearest(centers, static_cast<int>(d), *execution.kernels);
      const FoundRow far = find_extreme_row(execution, data, nearest, true);
      std::copy(far.x.begin(), far.x.end(), step.centers.begin() + k * d);
      step.moved = static_cast<int>(k);
      step.row = far.row;
      continue;
    }
    for (std::size_t j = 0; j < d; ++j) {
      double& center = step.centers[k * d + j];
      center = sum[1 + j] / sum[0];
      const double delta = center - centers[k * d + j];
      step.squared_shift += delta * delta;
    }
  }
  return step;
}

void lloyd(const Execution& execution, const Data& data, double mean_column_variance,
           std::vector<double>& centers, int& n_iter, const SafePoint& safe_point, int most) {
  ClusterSums clusters(execution, data, static_cast<int>(centers.size() / data.n_columns()));
  while (n_iter < most) {
    safe_point();
    LloydStep step = lloyd_step(execution, data, centers, clusters.update(centers));
    centers = std::move(step.centers);
    ++n_iter;
    if (step.moved < 0 && step.squared_shift <= kTolerance * mean_column_variance) break;
  }
}

}  // namespace gmmpi
