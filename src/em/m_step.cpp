// The M-step.
#include "em/m_step.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gmmpi {

namespace {

constexpr double kLeastShare = 1e-10;
constexpr double kFarthest = 1e3;
constexpr int kMostRepeats = 4;  ///< one is enough up to about 1e15 widths

/// S2 - N_k delta delta^T for every component, pooled where the moments are.
std::vector<double> central_scatter(const Moments& m, const std::vector<double>& counts,
                                    const std::vector<double>& delta) {
  const int K = m.layout.K, d = m.layout.d;
  std::vector<double> scatter(m.sums.begin() + m.layout.second(), m.sums.end());
  if (m.layout.shape == ScatterShape::none) return scatter;
  double* entry = scatter.data();
  for (int k = 0; k < K; ++k) {
    if (m.layout.shape == ScatterShape::pooled) entry = scatter.data();
    const double* shift = delta.data() + std::size_t(k) * d;
    if (m.layout.shape == ScatterShape::diagonal) {
      for (int j = 0; j < d; ++j) *entry++ -= counts[k] * shift[j] * shift[j];
    } else {
      for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j) *entry++ -= counts[k] * shift[i] * shift[j];
    }
  }
  return scatter;
}

void regularise(Mixture& m, const RegCovar& reg) {
  const std::size_t d = m.n_features, stride = covariance_stride(m.shape(), m.n_features);
  if (m.shape() == PrecisionShape::spherical) {
    const double mean = std::accumulate(reg.begin(), reg.end(), 0.0) / static_cast<double>(d);
    for (double& variance : m.covariances) variance += mean;
    return;
  }
  const std::size_t step = stride == d * d && m.shape() != PrecisionShape::diagonal ? d + 1 : 1;
  for (std::size_t base = 0; base < m.covariances.size(); base += stride)
    for (std::size_t j = 0; j < d; ++j) m.covariances[base + j * step] += reg[j];
}

/// delta^T Sigma_k^-1 delta = |U^T delta|^2.
double squared_shift(const Mixture& m, int k, const double* delta) {
  if (m.shape() == PrecisionShape::none) return 0.0;
  const int d = m.n_features;
  const std::size_t stride = covariance_stride(m.shape(), d);
  const double* u =
      m.precisions_cholesky.data() + (m.shape() == PrecisionShape::shared_dense ? 0 : k * stride);
  double sum = 0.0;
  for (int j = 0; j < d; ++j) {
    double y = 0.0;
    if (m.shape() == PrecisionShape::spherical)
      y = u[0] * delta[j];
    else if (m.shape() == PrecisionShape::diagonal)
      y = u[j] * delta[j];
    else
      for (int i = 0; i <= j; ++i) y += u[std::size_t(i) * d + j] * delta[i];
    sum += y * y;
  }
  return sum;
}

}  // namespace

MStep m_step(const Execution& execution, const Moments& moments, const CovarianceFamily& family,
             const RegCovar& reg_covar) {
  Stopwatch watch;
  const int K = moments.layout.K, d = moments.layout.d;
  MStep step;
  Mixture& m = step.model;
  m.family = &family;
  m.n_components = K;
  m.n_features = d;
  m.means = moments.centers;
  std::vector<double> counts(moments.counts(), moments.counts() + K), delta(std::size_t(K) * d);
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (int k = 0; k < K; ++k) {
    m.weights.push_back(counts[k] / total);
    if (counts[k] < kLeastShare * total / K) {
      step.collapsed.push_back(k);
      counts[k] = total;  // so that what follows stays finite; nothing of it is used
      continue;
    }
    for (int j = 0; j < d; ++j) {
      const std::size_t e = std::size_t(k) * d + j;
      delta[e] = moments.first(k)[j] / counts[k];
      m.means[e] += delta[e];
      if (m.shape() == PrecisionShape::none) m.means[e] = std::clamp(m.means[e], 0.0, 1.0);  // of rounding
    }
  }
  const std::vector<double> scatter = central_scatter(moments, counts, delta);
  m.covariances = family.covariances({K, d, counts, total, scatter});
  regularise(m, reg_covar);
  const std::vector<int> singular = factorise(m, execution);
  step.too_far = !singular.empty();
  for (int k = 0; k < K && !step.too_far; ++k)
    step.too_far = 1.0 + squared_shift(m, k, delta.data() + std::size_t(k) * d) > kFarthest;
  step.collapsed.insert(step.collapsed.end(), singular.begin(), singular.end());
  std::ranges::sort(step.collapsed);
  step.collapsed.erase(std::unique(step.collapsed.begin(), step.collapsed.end()), step.collapsed.end());
  if (execution.profile) execution.profile->add(Profile::m_step, watch.lap());
  return step;
}

MStep m_step_guarded(const Execution& execution, const Moments& moments, const CovarianceFamily& family,
                     const RegCovar& reg_covar,
                     const std::function<Moments(const std::vector<double>& centers)>& sum_about,
                     bool& recentred) {
  MStep step = m_step(execution, moments, family, reg_covar);
  recentred = step.too_far;
  for (int repeat = 0; repeat < kMostRepeats && step.too_far; ++repeat) {
    const std::vector<double> centers = step.model.means;
    step = m_step(execution, sum_about(centers), family, reg_covar);
    if (step.model.means == centers)
      break;  // the means do not move any more: what failed is no matter of the centres
  }
  return step;
}

}  // namespace gmmpi
