// What the floor costs, and when it costs too much.
#include "model/floored_step.hpp"

#include <algorithm>
#include <iterator>

#include "kernels/scatter.hpp"

namespace gmmpi {

namespace {

/// tr(W U U^T) for the k-th scatter.
double trace_of_scatter(const Mixture& m, const CentralScatter& moments, int k) {
  const std::size_t d = m.n_features, stride = m.layout().stride(m.n_features);
  const double* U = m.factor(k);
  double trace = 0.0;
  if (m.structure->scatter_shape() == ScatterShape::diagonal) {
    const double* W = moments.scatter.data() + k * d;
    for (std::size_t j = 0; j < d; ++j) trace += W[j] * U[stride == 1 ? 0 : j] * U[stride == 1 ? 0 : j];
    return trace;
  }
  const double* W = moments.scatter.data() + k * (d * (d + 1) / 2);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = i; j < d; ++j, ++W) {
      double precision = 0.0;
      for (std::size_t l = j; l < d; ++l) precision += U[i * d + l] * U[j * d + l];
      trace += (i == j ? 1.0 : 2.0) * *W * precision;
    }
  return trace;
}

/// The part of the expected log-likelihood that depends on the covariances.
double expected_log_likelihood(const Mixture& m, const CentralScatter& moments) {
  double sum = 0.0;
  for (int k = 0; k < m.n_components; ++k)
    if (!std::ranges::binary_search(moments.empty, k))
      sum += moments.counts[k] * m.log_det[k] - 0.5 * trace_of_scatter(m, moments, k);
  return sum;
}

std::vector<int> united(std::vector<int> a, std::vector<int> b) {
  std::ranges::sort(b);
  std::vector<int> out;
  std::ranges::set_union(a, b, std::back_inserter(out));
  return out;
}

}  // namespace

void settle_floored(Mixture& m, const CentralScatter& moments, const Mixture* before,
                    const KernelTable& kernels) {
  if (!m.structure->is_constrained()) return;
  const bool broken = !m.floored.empty();
  std::vector<int> marked = m.floored;
  if (moments.raised) marked = united(std::move(marked), *moments.raised);
  if (before && before->structure == m.structure && (broken || !marked.empty())) {
    Mixture kept = m;
    kept.covariances = before->covariances;
    kept.precisions_cholesky = before->precisions_cholesky;
    complete_factors(kept, kernels);
    if (expected_log_likelihood(kept, moments) > expected_log_likelihood(m, moments)) {
      marked = united(std::move(marked), before->floored);
      m = std::move(kept);
    }
  }
  m.floored = std::move(marked);
}

}  // namespace gmmpi
