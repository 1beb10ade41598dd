// Acceleration: quasi-Newton steps in place of M-steps, with the M-step to fall back on.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// What an accelerated fit remembers of its path. Vectors are local coordinates at the parameters where they
/// began (src/model/local_coordinates.hpp).
struct AccelerationState {
  std::vector<std::vector<double>> steps;      ///< the last ones, oldest first
  std::vector<std::vector<double>> decreases;  ///< EM's step before each of them minus the one after it
  std::vector<double> step;     ///< the one to the parameters of the next sweep; empty: no step led there
  std::vector<double> em_step;  ///< EM's from where it began
  double radius = 0.0;          ///< longest step that is trusted, in widths; 0: not set yet
  bool extrapolated = false;    ///< the parameters of the next sweep are, and may be rejected
  double width = 0.0;           ///< if so: of `step`
  Mixture em_model;             ///< if so: EM's own, to go on with when they are rejected

  std::vector<StateField> fields();
};

/// Collective. The parameters of the next sweep, given those that EM's M-step makes of state.model: an L-BFGS
/// step (Nocedal 1980) on the log-likelihood of which EM's step is the preconditioned gradient (Jamshidian &
/// Jennrich 1997), within a radius of trust; or EM's own, while they are still far away, when there is
/// nothing to learn from, and after a step that raised the log-likelihood by less than `least_rise` (so that
/// what the stop rule tests is a step of EM). Covariances that a step leads below `floor` are raised to it.
/// The last entry of state.history is that of state.model.
Mixture accelerate(const Execution& execution, const FitState& state, AccelerationState& path,
                   Mixture em_model, double least_rise, std::span<const double> floor);

/// True if state.model was extrapolated and its log-likelihood is lower than the one before, or NaN.
bool must_reject(const FitState& state, const AccelerationState& path, double log_likelihood);

/// Replaces an extrapolated state.model by EM's own and trusts shorter steps only.
void reject(FitState& state, AccelerationState& path);

}  // namespace gmmpi
