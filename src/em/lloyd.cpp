// Lloyd's iterations.
#include <cmath>

#include "em/assignments.hpp"
#include "em/cluster_sums.hpp"
#include "em/start.hpp"

namespace gmmpi {

namespace {

constexpr int kMostIterations = 300;
constexpr double kTolerance = 1e-4;

}  // namespace

void lloyd(const Execution& execution, const Data& data, double mean_column_variance,
           std::vector<double>& centers, int& n_iter, const SafePoint& safe_point) {
  const std::size_t d = data.n_columns(), K = centers.size() / d;
  ClusterSums clusters(execution, data, static_cast<int>(K));
  while (n_iter < kMostIterations) {
    safe_point();
    const std::vector<double> sums = clusters.update(centers);
    double shift = 0.0;
    bool moved = false;
    std::vector<double> next = centers;
    for (std::size_t k = 0; k < K; ++k) {
      const double* sum = sums.data() + k * (1 + d);
      if (sum[0] == 0.0) {
        if (moved) continue;  // one at a time: the next sweep tells whether others are still without rows
        const NearestCenter nearest(centers, static_cast<int>(d), *execution.kernels);
        const FoundRow far = find_extreme_row(execution, data, nearest, true);
        std::copy(far.x.begin(), far.x.end(), next.begin() + k * d);
        moved = true;
        continue;
      }
      for (std::size_t j = 0; j < d; ++j) {
        next[k * d + j] = sum[1 + j] / sum[0];
        const double delta = next[k * d + j] - centers[k * d + j];
        shift += delta * delta;
      }
    }
    centers = std::move(next);
    ++n_iter;
    if (!moved && shift <= kTolerance * mean_column_variance) break;
  }
}

}  // namespace gmmpi
