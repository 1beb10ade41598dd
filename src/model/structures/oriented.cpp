// Scatters in the coordinates of orientations.
#include "model/structures/oriented.hpp"

#include <algorithm>

#include "model/symmetric_eigen.hpp"

namespace gmmpi {

CommonOrientation oriented_scatters(const CentralScatter& m, OrientationRule rule) {
  const std::vector<std::vector<double>> W = full_scatters_above_floor(m);
  const OrientationSearch search(W, m.counts, m.n_features, rule, *m.kernels);
  const std::vector<double> axes =
      axes_in_common(m.before, m.before.empty() ? 0 : m.n_components, m.n_features, *m.kernels);
  return axes.empty() ? search.from_anywhere() : search.from(axes);
}

std::vector<double> covariances_of_axes(const CentralScatter& m, const CommonOrientation& found) {
  std::vector<double> out;
  const std::span<const double> all(found.variances);
  for (int k = 0; k < m.n_components; ++k)
    append_from_axes(found.axes, all.subspan(std::size_t(k) * m.n_features, m.n_features), out);
  return out;
}

SortedScatters sorted_scatters(const CentralScatter& m) {
  SortedScatters out;
  for (int k = 0; k < m.n_components; ++k) {
    SymmetricEigen eigen = symmetric_eigen(full_scatter(m, k), m.n_features);
    for (const double value : eigen.values) out.values.push_back(std::max(value, 0.0));
    out.axes.push_back(std::move(eigen.vectors));
  }
  if (!m.floor.empty()) out.floor.assign(m.n_features, *std::ranges::min_element(m.floor));
  return out;
}

void equalise_volumes(const CentralScatter& m, std::vector<double>& g) {
  const std::size_t d = m.n_features;
  std::vector<double> volumes;
  double sum = 0.0;
  for (int k = 0; k < m.n_components; ++k)
    sum += volumes.emplace_back(geometric_mean(std::span(g).subspan(k * d, d), *m.kernels));
  for (std::size_t e = 0; e < g.size(); ++e)
    g[e] = volumes[e / d] > 0.0 ? g[e] / volumes[e / d] * (sum / m.total_weight) : g[e] / m.counts[e / d];
}

}  // namespace gmmpi
