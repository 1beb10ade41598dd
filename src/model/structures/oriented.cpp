// Scatters in the coordinates of orientations.
#include "model/structures/oriented.hpp"

#include <algorithm>
#include <cmath>

#include "model/symmetric_eigen.hpp"

namespace gmmpi {

namespace {

/// Of the expected log-likelihood, relative to its terms: a search that has ended moves it by so much.
constexpr double kRounding = 1e-15;

/// The part of the expected log-likelihood that depends on the covariances, and the sum of the sizes of its
/// terms.
struct Expected {
  bool regular = true;  ///< else a covariance is singular, and the rest is void
  double value = 0.0, size = 0.0;
};

Expected expected_log_likelihood(const CentralScatter& m, std::span<const double> covariances) {
  const int d = m.n_features;
  const std::size_t stride = std::size_t(d) * d;
  Expected out;
  for (int k = 0; k < m.n_components; ++k) {
    const std::vector<double> L = cholesky_factor(covariances.subspan(k * stride, stride), d);
    if (L.empty()) return {false};
    const std::vector<double> whitened = congruence(inverse_of_lower(L, d), full_scatter(m, k), d);
    for (int j = 0; j < d; ++j) {
      const double half_log = m.counts[k] * log_of(L[std::size_t(j) * (d + 1)], *m.kernels),
                   distances = 0.5 * whitened[std::size_t(j) * (d + 1)];
      out.value -= half_log + distances;
      out.size += std::abs(half_log) + distances;
    }
  }
  return out;
}

/// Where a search began at rounded axes, or ended early, it may have found less than there was before.
bool is_worse_than_before(const CentralScatter& m, const std::vector<double>& covariances) {
  if (m.before.size() != covariances.size()) return false;
  const Expected then = expected_log_likelihood(m, m.before), now = expected_log_likelihood(m, covariances);
  return then.regular && now.regular && then.value > now.value + kRounding * now.size;
}

}  // namespace

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
  if (is_worse_than_before(m, out)) out.assign(m.before.begin(), m.before.end());
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
