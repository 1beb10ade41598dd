// What engines note and say of their iterations in the same way.
#pragma once

#include <cstdint>
#include <span>

#include "em/problem.hpp"

namespace gmmpi {

/// Reseeds per component, after which a restart ends unconverged when a component collapses once more.
inline constexpr int kMostReseeds = 10;

/// Tells the observer of the iteration that the histories end with. `log_likelihood`: NaN if it was not
/// computed; `change`: of what tol is compared with, NaN if there is none yet.
void tell_iteration(const Problem& problem, const FitState& state, double log_likelihood, double change);

/// Notes them in state.reseeds, and tells the observer.
void note_reseeds(const Problem& problem, FitState& state, std::span<const Reseed> reseeds);

/// Of this restart.
std::int64_t n_reseeds_left(const Problem& problem, const FitState& state);

}  // namespace gmmpi
