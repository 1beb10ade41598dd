// The M-step.
#include "em/m_step.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/floored_step.hpp"
#include "model/variance_floor.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastShare = 1e-10;
constexpr double kFarthest = 1e3;
constexpr int kMostRepeats = 4;  ///< one is enough up to about 1e15 widths

/// Adds factor v v^T to component k's scatter, or to the pooled one.
void add_outer(const MomentLayout& layout, int k, double factor, const double* v,
               std::vector<double>& scatter) {
  const int d = layout.d;
  if (layout.shape == ScatterShape::none) return;
  double* entry = scatter.data();
  if (layout.shape != ScatterShape::pooled) entry += k * scatter_size(layout.shape, d);
  if (layout.shape == ScatterShape::diagonal) {
    for (int j = 0; j < d; ++j) *entry++ += factor * v[j] * v[j];
    return;
  }
  for (int i = 0; i < d; ++i)
    for (int j = i; j < d; ++j) *entry++ += factor * v[i] * v[j];
}

/// S2 - W_k delta delta^T for every component of moments that weigh W_k, pooled where the moments are.
std::vector<double> central_scatter(const Moments& m, const std::vector<double>& weights,
                                    const std::vector<double>& delta) {
  std::vector<double> scatter(m.sums.begin() + m.layout.second(), m.sums.begin() + m.layout.own());
  for (int k = 0; k < m.layout.K; ++k)
    add_outer(m.layout, k, -weights[k], delta.data() + std::size_t(k) * m.layout.d, scatter);
  return scatter;
}

/// From maximum-likelihood weights to those of the prior, or fixed ones.
void constrain_weights(const Constraints& c, double total, Mixture& m) {
  if (c.fixed.weights) {
    m.weights = c.before->weights;
    m.noise = c.before->noise;
  } else if (c.prior && c.prior->weight != 1.0) {
    const double more = c.prior->weight - 1.0, all = total + m.n_components * more;
    for (double& w : m.weights) w = (w * total + more) / all;
    if (m.noise) m.noise->weight *= total / all;
  }
}

/// From maximum-likelihood means to those of the prior, or fixed ones; the scatter, which is about the
/// former, becomes that about the latter and gets what the prior adds.
void constrain_means(const Constraints& c, const MomentLayout& layout, const std::vector<double>& weights,
                     Mixture& m, std::vector<double>& scatter) {
  const int d = layout.d;
  const double kappa = c.prior ? c.prior->shrinkage : 0.0;
  std::vector<double> moved(d), away(d);
  for (int k = 0; k < layout.K; ++k) {
    for (int j = 0; j < d; ++j) {
      const std::size_t e = std::size_t(k) * d + j;
      const double mean = m.means[e];
      if (c.fixed.means)
        m.means[e] = c.before->means[e];
      else if (c.prior)
        m.means[e] += kappa / (weights[k] + kappa) * (c.prior->mean[j] - mean);
      moved[j] = m.means[e] - mean;
      if (c.prior) away[j] = m.means[e] - c.prior->mean[j];
    }
    add_outer(layout, k, weights[k], moved.data(), scatter);
    if (c.prior) add_outer(layout, k, kappa, away.data(), scatter);
  }
}

/// The prior's scale, as the scatter of rows that were seen before; returns how many these were.
double add_prior_rows(const Prior& prior, const CovarianceStructure& structure, const MomentLayout& layout,
                      std::vector<double>& scatter) {
  const int d = layout.d;
  const CovarianceLayout& stored = structure.layout();
  const std::vector<double> diagonal = stored.diagonal(prior.scale.data(), d);
  const double columns = stored.is_round() ? d : 1.0;  // that share a variance
  double* entry = scatter.data();
  for (int n = 0; n < layout.n_scatters(); ++n)
    if (layout.shape == ScatterShape::diagonal)
      for (int j = 0; j < d; ++j) *entry++ += diagonal[j] / columns;
    else
      for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j) *entry++ += prior.scale[std::size_t(i) * d + j];
  return prior_count(prior, structure, layout.K, d);
}

/// delta^T Sigma_k^-1 delta = |U^T delta|^2.
double squared_shift(const Mixture& m, int k, const double* delta) {
  std::vector<double> y(m.n_features);
  m.layout().whiten(m.factor(k), m.n_features, delta, y.data());
  double sum = 0.0;
  for (const double e : y) sum += e * e;
  return sum;
}

/// The kind, and its own parameter: by its own sums, where the moments come from an E-step of `before`.
void set_own(const Kind& kind, const Moments& moments, const Constraints& c, const KernelTable& kernels,
             Mixture& m) {
  if (c.before) m.own = c.before->own;
  m.become(kind);
  if (m.own.empty() || kind.own.sharing == Sharing::fixed || moments.layout.n_own < 2) return;
  const std::size_t K = m.n_components;
  kind.component->maximise_own(kind.own.sharing, {moments.counts(), K}, {moments.own(0), K}, m.n_features,
                               kernels, m.own);
}

}  // namespace

std::vector<double> Regularisation::applied_to(std::vector<double> variance) const {
  for (std::size_t j = 0; j < variance.size(); ++j) {
    if (!added.empty()) variance[j] += added[j];
    if (!floor.empty()) variance[j] = std::max(variance[j], floor[j]);
  }
  return variance;
}

std::span<const double> Constraints::covariances_before(const CovarianceStructure& structure) const {
  if (!before || before->structure != &structure) return {};
  return before->covariances;
}

MStep m_step(const Execution& execution, const Moments& moments, const Kind& kind,
             const Constraints& constraints) {
  Stopwatch watch;
  const int K = moments.layout.K, d = moments.layout.d;
  MStep step;
  Mixture& m = step.model;
  const CovarianceStructure& structure = *kind.structure;
  m.n_components = K;
  m.n_features = d;
  m.means = moments.centers;
  std::vector<double> counts(moments.counts(), moments.counts() + K);
  std::vector<double> weights(moments.weights(), moments.weights() + K), delta(std::size_t(K) * d);
  set_own(kind, moments, constraints, *execution.kernels, m);
  double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const bool has_noise = constraints.before && constraints.before->noise;
  const double all = has_noise ? moments.total_weight : total;
  const FixedParameters fixed = constraints.fixed;
  const Prior* prior = constraints.prior;
  // Where the parameters do not need rows, a component may lose all of them. One that is held at weight zero
  // has none.
  const auto is_held_empty = [&](int k) { return fixed.weights && constraints.before->weights[k] == 0.0; };
  const bool may_be_empty = fixed.means ? fixed.covariances || prior : prior && prior->shrinkage > 0.0;
  std::vector<int> empty, raised;
  for (int k = 0; k < K; ++k) {
    m.weights.push_back(counts[k] / all);
    if (counts[k] < kLeastShare * all / K) {
      empty.push_back(k);
      if (!may_be_empty && !is_held_empty(k)) step.collapsed.push_back(k);
      // So that what follows stays finite; nothing of it is used.
      counts[k] = weights[k] = may_be_empty ? 0.0 : all;
      continue;
    }
    for (int j = 0; j < d; ++j) {
      const std::size_t e = std::size_t(k) * d + j;
      delta[e] = moments.first(k)[j] / weights[k];
      m.means[e] += delta[e];
    }
    m.component->bound_means(m.mean(k));
  }
  std::vector<double> scatter = central_scatter(moments, weights, delta);
  if (has_noise) {  // it gets what the components leave
    m.noise = constraints.before->noise;
    m.noise->weight = std::max(0.0, all - total) / all;
  }
  constrain_weights(constraints, all, m);
  std::vector<double> rows = counts;  // with the prior's
  if (prior || fixed.means) constrain_means(constraints, moments.layout, weights, m, scatter);
  if (prior) {
    const double more = add_prior_rows(*prior, structure, moments.layout, scatter);
    for (double& n : rows) n += more;
    total += more;
  }
  const CentralScatter central{K, d, rows, total, scatter, constraints.covariances_before(structure),
                               constraints.regularisation.floor, execution.kernels, empty, &raised};
  if (fixed.covariances) {
    m.covariances = constraints.before->covariances;
    m.precisions_cholesky = constraints.before->precisions_cholesky;
    m.floored = constraints.before->floored;
  } else {
    m.covariances = structure.covariances(central);
    for (int k = 0; k < m.n_covariances() && !constraints.regularisation.added.empty(); ++k)
      m.layout().add_diagonal(constraints.regularisation.added, m.covariance(k));
    for (int k = 0; k < K && !may_be_empty && !m.is_shared(); ++k)
      if (is_held_empty(k))
        std::copy_n(constraints.before->covariance(k), m.layout().stride(d), m.covariance(k));
  }
  const std::vector<int> singular = fixed.covariances
                                        ? factorise(m, execution)
                                        : factorise_above(m, constraints.regularisation.floor, execution);
  if (!fixed.covariances && singular.empty())
    settle_floored(m, central, constraints.before, *execution.kernels);
  step.too_far = !singular.empty();
  for (int k = 0; k < K && !step.too_far && !fixed.covariances && m.n_covariances() > 0; ++k)
    step.too_far =
        1.0 + weights[k] / rows[k] * squared_shift(m, k, delta.data() + std::size_t(k) * d) > kFarthest;
  step.collapsed.insert(step.collapsed.end(), singular.begin(), singular.end());
  std::ranges::sort(step.collapsed);
  step.collapsed.erase(std::unique(step.collapsed.begin(), step.collapsed.end()), step.collapsed.end());
  if (execution.profile) execution.profile->add(Profile::m_step, watch.lap());
  return step;
}

MStep m_step_guarded(const Execution& execution, const Moments& moments, const Kind& kind,
                     const Constraints& constraints,
                     const std::function<Moments(const std::vector<double>& centers)>& sum_about,
                     bool& recentred) {
  MStep step = m_step(execution, moments, kind, constraints);
  recentred = step.too_far;
  for (int repeat = 0; repeat < kMostRepeats && step.too_far; ++repeat) {
    const std::vector<double> centers = step.model.means;
    step = m_step(execution, sum_about(centers), kind, constraints);
    if (step.model.means == centers)
      break;  // the means do not move any more: what failed is no matter of the centres
  }
  return step;
}

std::int64_t FixedParameters::n_free(const Mixture& m) const {
  const std::int64_t K = m.n_components, d = m.n_features;
  const int of_noise = m.noise ? (weights ? 1 : 2) : 0;
  return (weights ? 0 : K - 1) + of_noise + (means ? 0 : K * d) +
         (covariances ? 0 : m.structure->n_covariance_parameters(m.n_components, m.n_features)) +
         m.n_own_parameters();
}

}  // namespace gmmpi
