// degenerate_component: too few rows, or a variance far below the pooled one.
#include "gmmpi/inference/degeneracy.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace gmmpi {

namespace {

/// Rows without which a component's own covariance is singular.
int rows_needed(PrecisionShape shape, int n_features) {
  switch (shape) {
    case PrecisionShape::dense:
      return n_features + 1;
    case PrecisionShape::diagonal:
    case PrecisionShape::spherical:
      return 2;
    case PrecisionShape::shared_dense:
    case PrecisionShape::none:
      break;
  }
  return 0;
}

/// The components whose covariance minus that share of the pooled one is not positive definite.
std::vector<int> narrow_components(const Mixture& mixture, const KernelTable& kernels) {
  const std::size_t stride = covariance_stride(mixture.shape(), mixture.n_features);
  Mixture shifted = mixture;
  std::vector<double> pooled(stride, 0.0);
  for (std::size_t k = 0; k < mixture.weights.size(); ++k)
    for (std::size_t e = 0; e < stride; ++e)
      pooled[e] += mixture.weights[k] * mixture.covariances[k * stride + e];
  for (std::size_t i = 0; i < shifted.covariances.size(); ++i)
    shifted.covariances[i] -= kLeastVarianceShare * pooled[i % stride];
  return factorise(shifted, kernels);
}

}  // namespace

std::string degenerate_component(const Mixture& mixture, Index n_rows, const KernelTable& kernels) {
  const int needed = rows_needed(mixture.shape(), mixture.n_features);
  if (needed == 0) return "";
  for (int k = 0; k < mixture.n_components; ++k)
    if (const double rows = mixture.weights[k] * static_cast<double>(n_rows); rows < needed)
      return fmt::format("component {} has {:.3g} rows, fewer than {}", k, rows, needed);
  const std::vector<int> narrow = narrow_components(mixture, kernels);
  if (narrow.empty()) return "";
  return fmt::format("component {} has a variance below {:g} of the pooled one", narrow.front(),
                     kLeastVarianceShare);
}

}  // namespace gmmpi
