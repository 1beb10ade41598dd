// Covariances as scatters.
#include "model/constrained.hpp"

namespace gmmpi {

void constrain(Mixture& m, const KernelTable& kernels) {
  if (!m.structure->is_constrained()) return;
  const int K = m.n_components, d = m.n_features;
  const MomentLayout layout{K, d, m.structure->scatter_shape()};
  std::vector<double> scatter(layout.n_scatters() * scatter_size(layout.shape, d));
  std::vector<int> empty;
  double total = 0.0;
  for (int k = 0; k < K; ++k) {
    if (m.weights[k] == 0.0) empty.push_back(k);
    total += m.weights[k];
    const std::vector<double> covariance = full_covariance(m, k);
    layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
      scatter[place] += m.weights[k] * covariance[std::size_t(i) * d + j];
    });
  }
  m.covariances =
      m.structure->covariances({K, d, m.weights, total, scatter, {}, {}, &kernels, empty, nullptr});
}

}  // namespace gmmpi
