// The M-step: parameters from moments, with the guard against far centres and the treatment of collapse.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "em/sweep.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prior.hpp"

namespace gmmpi {

/// What keeps covariances regular.
struct Regularisation {
  std::vector<double> added;  ///< (d) to the variances (for spherical their mean); empty: nothing
  std::vector<double> floor;  ///< (d) the least they may be, in every direction; empty: no limit

  /// Variances (d) that components without rows may get.
  std::vector<double> applied_to(std::vector<double> variance) const;

  /// Variances (d) beside which smaller ones do not show; empty: all show.
  const std::vector<double>& hides() const { return added.empty() ? floor : added; }
};

/// What the M-step heeds besides the moments. What is pointed and referred to must outlive it.
struct Constraints {
  const Regularisation& regularisation;
  const Prior* prior = nullptr;     ///< null: maximum likelihood
  FixedParameters fixed{};          ///< taken over from `before`
  const Mixture* before = nullptr;  ///< the model that entered the iteration; null in starts

  Constraints(const Regularisation& r, const Prior* prior_ = nullptr) : regularisation(r), prior(prior_) {}

  /// Those of `before`, if it is of that structure; else none.
  std::span<const double> covariances_before(const CovarianceStructure& structure) const;
};

/// A model from moments, and the components that cannot be had from them.
struct MStep {
  Mixture model;               ///< of collapsed components only the mean is set
  std::vector<int> collapsed;  ///< N_k below 1e-10 of its fair share, or a covariance not positive definite
  /// The centres lie so far from the new means that Sigma = S2/N - delta delta^T has lost more than about
  /// three digits (1 + delta^T Sigma^-1 delta > 1e3), or a factorisation failed: sum again about the new
  /// means.
  bool too_far = false;
};

/// *Collective*. One M-step. Bishop (2006), eq. 9.24-9.26, with moments about given centres c: delta =
/// S1/N_k, mu_k = c + delta, scatter = S2 - N_k delta delta^T; with a prior the MAP estimates of Fraley &
/// Raftery (2007), see docs/maths/priors.md. Noise gets the weight that the counts leave.
MStep m_step(const Execution& execution, const Moments& moments, const Kind& kind,
             const Constraints& constraints);

/// *Collective*. m_step, and where the centres were too far the same with moments from `sum_about(new
/// means)`, which must use the same responsibilities. `recentred` is set if that was needed.
MStep m_step_guarded(const Execution& execution, const Moments& moments, const Kind& kind,
                     const Constraints& constraints,
                     const std::function<Moments(const std::vector<double>& centers)>& sum_about,
                     bool& recentred);

}  // namespace gmmpi
