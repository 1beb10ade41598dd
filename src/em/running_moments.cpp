// Running moments: from a model, about other centres, averaged.
#include "em/running_moments.hpp"

#include <algorithm>
#include <utility>

namespace gmmpi {

Moments moments_of(const Mixture& model) {
  const int K = model.n_components, d = model.n_features;
  const MomentLayout layout{K, d, model.structure->scatter_shape()};
  Moments m{layout, model.means, 0.0, std::vector<double>(layout.size()), {}};
  std::copy(model.weights.begin(), model.weights.end(), m.sums.begin());
  double* second = m.sums.data() + layout.second();
  for (int k = 0; k < K; ++k) {
    const std::vector<double> covariance = full_covariance(model, k);
    layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
      second[place] += model.weights[k] * covariance[std::size_t(i) * d + j];
    });
  }
  return m;
}

Moments recentred(Moments m, const std::vector<double>& centers) {
  const int K = m.layout.K, d = m.layout.d;
  double* second = m.sums.data() + m.layout.second();
  std::vector<double> shift(d);
  for (int k = 0; k < K; ++k) {
    double* first = m.sums.data() + m.layout.first() + std::ptrdiff_t{k} * d;
    for (int j = 0; j < d; ++j)
      shift[j] = centers[std::size_t(k) * d + j] - m.centers[std::size_t(k) * d + j];
    m.layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
      second[place] += m.sums[k] * shift[i] * shift[j] - first[i] * shift[j] - shift[i] * first[j];
    });
    for (int j = 0; j < d; ++j) first[j] -= m.sums[k] * shift[j];
  }
  m.centers = centers;
  return m;
}

Moments average(Moments running, double step, const Moments& batch, double weight) {
  for (std::size_t e = 0; e < running.sums.size(); ++e)
    running.sums[e] += step * (batch.sums[e] / weight - running.sums[e]);
  return running;
}

}  // namespace gmmpi
