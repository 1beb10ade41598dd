// Expectation-Maximisation, and classification EM, which differs from it in the E-step alone.
#pragma once

#include "em/problem.hpp"

namespace gmmpi {

/// Collective. From state.model, E-step and M-step in turn, until the objective changes by less than tol per
/// unit of weight, or max_iter M-steps. The model that is left is the one whose log-likelihood was computed
/// last. Error 79: a collapse that is to fail, a log-likelihood that is not finite.
void run_em(const Problem& p, FitState& state);

}  // namespace gmmpi
