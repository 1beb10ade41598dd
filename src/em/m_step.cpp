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
  layout.for_each_entry(k, [&](int i, int j, std::int64_t place) { scatter[place] += factor * v[i] * v[j]; });
}

/// One M-step in the making: `run` takes its steps in order.
class Maximisation {
 public:
  Maximisation(const Execution& execution, const Moments& moments, const Kind& kind, const Constraints& c)
      : execution_(execution),
        s_(moments),
        kind_(kind),
        c_(c),
        K_(moments.layout.K),
        d_(moments.layout.d),
        counts_(moments.counts(), moments.counts() + K_),
        weights_(moments.weights(), moments.weights() + K_),
        total_(std::accumulate(counts_.begin(), counts_.end(), 0.0)),
        all_(has_noise() ? moments.total_weight : total_) {
    m_.n_components = K_;
    m_.n_features = d_;
  }

  MStep run() {
    set_own();
    set_weights();
    set_means();
    set_scatter();
    if (c_.fixed.means || c_.prior) constrain_means();
    if (c_.prior) add_prior_rows();
    const std::vector<int> singular = c_.fixed.covariances ? keep_covariances() : set_covariances();
    judge(singular);
    return std::move(step_);
  }

 private:
  bool has_noise() const { return c_.before && c_.before->noise; }
  /// Held at weight zero, it has no rows.
  bool is_held_empty(int k) const { return c_.fixed.weights && c_.before->weights[k] == 0.0; }
  /// Where the parameters do not need rows, a component may lose all of them.
  bool may_be_empty() const {
    return c_.fixed.means ? c_.fixed.covariances || c_.prior : c_.prior && c_.prior->shrinkage > 0.0;
  }
  const double* delta(int k) const { return delta_.data() + std::size_t(k) * d_; }

  /// The kind, and its own parameter: by its own sums, where the moments come from an E-step of `before`.
  void set_own() {
    if (c_.before) m_.own = c_.before->own;
    m_.become(kind_);
    if (m_.own.empty() || kind_.own.sharing == Sharing::fixed || s_.layout.n_own < 2) return;
    const std::size_t K = K_;
    kind_.component->maximise_own(kind_.own.sharing, {s_.counts(), K}, {s_.own(0), K}, d_,
                                  *execution_.kernels, m_.own);
  }

  /// pi_k = N_k / N, eq. 9.26; noise gets what the components leave. With a prior (N_k + alpha - 1) / (N + K
  /// (alpha - 1)).
  void set_weights() {
    for (const double count : counts_) m_.weights.push_back(count / all_);
    if (has_noise()) {
      m_.noise = c_.before->noise;
      m_.noise->weight = std::max(0.0, all_ - total_) / all_;
    }
    if (c_.fixed.weights) {
      m_.weights = c_.before->weights;
      m_.noise = c_.before->noise;
    } else if (c_.prior && c_.prior->weight != 1.0) {
      const double more = c_.prior->weight - 1.0, all = all_ + K_ * more;
      for (double& w : m_.weights) w = (w * all_ + more) / all;
      if (m_.noise) m_.noise->weight *= all_ / all;
    }
  }

  /// mu_k = c_k + delta_k, delta_k = S1_k / W_k, eq. 9.24.
  void set_means() {
    m_.means = s_.centers;
    delta_.assign(m_.means.size(), 0.0);
    for (int k = 0; k < K_; ++k) {
      if (counts_[k] < kLeastShare * all_ / K_) {
        empty_.push_back(k);
        if (!may_be_empty() && !is_held_empty(k)) step_.collapsed.push_back(k);
        // So that what follows stays finite; nothing of it is used.
        counts_[k] = weights_[k] = may_be_empty() ? 0.0 : all_;
        continue;
      }
      for (int j = 0; j < d_; ++j) {
        const std::size_t e = std::size_t(k) * d_ + j;
        delta_[e] = s_.first(k)[j] / weights_[k];
        m_.means[e] += delta_[e];
      }
      m_.component->bound_means(m_.mean(k));
    }
  }

  /// About the new means: S2_k - W_k delta_k delta_k^T, of eq. 9.25.
  void set_scatter() {
    scatter_.assign(s_.sums.begin() + s_.layout.second(), s_.sums.begin() + s_.layout.own());
    for (int k = 0; k < K_; ++k) add_outer(s_.layout, k, -weights_[k], delta(k), scatter_);
    rows_ = counts_;
  }

  /// From maximum-likelihood means to those of the prior, or fixed ones; the scatter, which is about the
  /// former, becomes that about the latter and gets what the prior adds.
  void constrain_means() {
    const double kappa = c_.prior ? c_.prior->shrinkage : 0.0;
    std::vector<double> moved(d_), away(d_);
    for (int k = 0; k < K_; ++k) {
      for (int j = 0; j < d_; ++j) {
        double& mean = m_.mean(k)[j];
        const double before = mean;
        if (c_.fixed.means)
          mean = c_.before->mean(k)[j];
        else
          mean += kappa / (weights_[k] + kappa) * (c_.prior->mean[j] - before);
        moved[j] = mean - before;
        if (c_.prior) away[j] = mean - c_.prior->mean[j];
      }
      add_outer(s_.layout, k, weights_[k], moved.data(), scatter_);
      if (c_.prior) add_outer(s_.layout, k, kappa, away.data(), scatter_);
    }
  }

  /// The prior's scale, as the scatter of rows that were seen before; no component is without them.
  void add_prior_rows() {
    const CovarianceLayout& stored = kind_.structure->layout();
    std::vector<double> scale(std::size_t(d_) * d_);
    stored.to_full(c_.prior->scale.data(), d_, scale.data());
    const double columns = stored.is_round() ? d_ : 1.0;  // that share a variance
    const double share = prior_share(*kind_.structure, K_);
    for (int n = 0; n < s_.layout.n_scatters(); ++n)
      s_.layout.for_each_entry(n, [&](int i, int j, std::int64_t place) {
        scatter_[place] += share * scale[std::size_t(i) * d_ + j] / columns;
      });
    const double more = prior_count(*c_.prior, *kind_.structure, K_, d_);
    for (double& n : rows_) n += more;
    total_ += s_.layout.n_scatters() * more;
    if (may_be_empty()) empty_.clear();
  }

  std::vector<int> keep_covariances() {
    m_.covariances = c_.before->covariances;
    m_.precisions_cholesky = c_.before->precisions_cholesky;
    m_.floored = c_.before->floored;
    return factorise(m_, execution_);
  }

  /// Sigma, eq. 9.25, as the structure has it, regular. Returns the components of which it is singular.
  std::vector<int> set_covariances() {
    const Regularisation& regular = c_.regularisation;
    std::vector<int> raised;
    const CentralScatter central{K_,
                                 d_,
                                 rows_,
                                 total_,
                                 scatter_,
                                 c_.covariances_before(*kind_.structure),
                                 regular.floor,
                                 execution_.kernels,
                                 empty_,
                                 &raised};
    m_.covariances = kind_.structure->covariances(central);
    for (int k = 0; k < m_.n_covariances() && !regular.added.empty(); ++k)
      m_.layout().add_diagonal(regular.added, m_.covariance(k));
    for (int k = 0; k < K_ && !may_be_empty() && !m_.is_shared(); ++k)
      if (is_held_empty(k)) std::copy_n(c_.before->covariance(k), m_.layout().stride(d_), m_.covariance(k));
    std::vector<int> singular = factorise_above(m_, regular.floor, execution_);
    if (singular.empty()) settle_floored(m_, central, c_.before, *execution_.kernels);
    return singular;
  }

  /// Whether the centres were too far away: delta^T Sigma_k^-1 delta = |U^T delta|^2; and what collapsed.
  void judge(const std::vector<int>& singular) {
    step_.too_far = !singular.empty();
    std::vector<double> y(d_);
    for (int k = 0; k < K_ && !step_.too_far && !c_.fixed.covariances && m_.n_covariances() > 0; ++k) {
      m_.layout().whiten(m_.factor(k), d_, delta(k), y.data());
      double squared = 0.0;
      for (const double e : y) squared += e * e;
      step_.too_far = 1.0 + weights_[k] / rows_[k] * squared > kFarthest;
    }
    step_.collapsed.insert(step_.collapsed.end(), singular.begin(), singular.end());
    std::ranges::sort(step_.collapsed);
    step_.collapsed.erase(std::unique(step_.collapsed.begin(), step_.collapsed.end()), step_.collapsed.end());
  }

  const Execution& execution_;
  const Moments& s_;
  const Kind& kind_;
  const Constraints& c_;
  int K_, d_;
  std::vector<double> counts_, weights_;        ///< N_k, and what weighs the moments: W_k
  double total_, all_;                          ///< of the components, and with the noise
  std::vector<double> delta_, scatter_, rows_;  ///< rows: counts, with the prior's
  std::vector<int> empty_;
  MStep step_;
  Mixture& m_ = step_.model;
};

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
  MStep step = Maximisation(execution, moments, kind, constraints).run();
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
  const int of_noise_weight = m.noise && weights ? 1 : 0;
  return (weights ? 0 : K - 1) + m.n_noise_parameters() - of_noise_weight + (means ? 0 : K * d) +
         (covariances ? 0 : m.structure->n_covariance_parameters(m.n_components, m.n_features)) +
         m.n_own_parameters();
}

}  // namespace gmmpi
