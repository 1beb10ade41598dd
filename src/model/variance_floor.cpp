// The floor under covariances.
#include "model/variance_floor.hpp"

#include <algorithm>

#include "parallel/thread_loop.hpp"

namespace gmmpi {

std::vector<int> factorise_above(Mixture& m, std::span<const double> floor, const Execution& execution) {
  m.floored.clear();
  std::vector<int> singular = factorise(m, execution);
  if (floor.empty()) return singular;
  const CovarianceLayout& layout = m.layout();
  const auto is_singular = [&](int k) { return std::ranges::binary_search(singular, k); };
  std::vector<int> narrow;
  for (int k = 0; k < m.n_covariances(); ++k)
    if (is_singular(k) || !layout.is_above(m.covariance(k), m.factor(k), floor)) narrow.push_back(k);
  std::vector<CovarianceLayout::Raised> raised(narrow.size());
  for_each_index(0, std::ssize(narrow), execution.n_threads, [&](std::int64_t i, int) {
    const int k = narrow[i];
    raised[i] = layout.raise(!is_singular(k), floor, m.covariance(k), m.factor(k));
  });
  singular.clear();
  for (std::size_t i = 0; i < narrow.size(); ++i)
    for (int k = m.is_shared() ? 0 : narrow[i]; k < (m.is_shared() ? m.n_components : narrow[i] + 1); ++k) {
      if (!raised[i].finite) singular.push_back(k);
      if (raised[i].changed) m.floored.push_back(k);
    }
  if (!m.floored.empty()) complete_factors(m, *execution.kernels);
  return singular;
}

}  // namespace gmmpi
