// Acceleration: quasi-Newton steps in place of M-steps, with the M-step to fall back on.
#pragma once

#include <span>

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Collective. The parameters of the next sweep, given those that EM's M-step makes of state.model: an L-BFGS
/// step (Nocedal 1980) on the log-likelihood of which EM's step is the preconditioned gradient (Jamshidian &
/// Jennrich 1997), within a radius of trust; or EM's own, while they are still far away, when there is
/// nothing to learn from, and after a step that raised the log-likelihood by less than `least_rise` (so that
/// what the stop rule tests is a step of EM). Covariances that a step leads below `floor` are raised to it.
/// The last entry of state.history is that of state.model.
Mixture accelerate(const Execution& execution, FitState& state, Mixture em_model, double least_rise,
                   std::span<const double> floor);

/// True if state.model was extrapolated and its log-likelihood is lower than the one before, or NaN.
bool must_reject(const FitState& state, double log_likelihood);

/// Replaces an extrapolated state.model by EM's own and trusts shorter steps only.
void reject(FitState& state);

}  // namespace gmmpi
