// k-means as an end in itself.
#pragma once

#include "em/problem.hpp"

namespace gmmpi {

/// Collective. Lloyd's iterations (Bishop 2006, eq. 9.2 and 9.4) from state.centers, which make_centers has
/// found or an earlier run has left, until the inertia changes by less than tol, relatively, or no centre
/// moves, or max_iter. Then the model of the centres: they are the means, exactly; weights and covariances
/// are those of the rows nearest to each, about it. Components whose rows give no proper covariance get the
/// data's column variances. Error 79 where that, or a centre without rows, is to fail.
void run_kmeans(const Problem& p, FitState& state);

/// With the inertia of the present centres at the end of its trace: tells the observer; true at the end of a
/// restart. `moves`: the next centres are not the present ones. Error 79 if it is not finite.
bool ends_with_inertia(const Problem& p, FitState& state, bool moves);

/// Collective. Gives the state the model of its centres, as run_kmeans does, and its log-likelihood.
void end_with_centers(const Problem& p, FitState& state);

}  // namespace gmmpi
