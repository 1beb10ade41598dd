// What happens to components that lost their rows or whose covariance is singular.
#pragma once

#include <vector>

#include "em/m_step.hpp"
#include "em/start.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Collective. Replaces the collapsed components of `step` one by one: each goes to the row that the model
/// with those before it explains worst, with the data's variances and weight 1/K (of what noise leaves).
/// `before` is the model that entered the iteration, `iteration` the M-step that failed; returns what was
/// done. After `most` of them, the others stay as they were, without weight. Error 79: every component
/// collapsed, a shared covariance is singular, or so are the data's variances.
std::vector<Reseed> treat_collapse(const Execution& execution, const Data& data, const DataMoments& moments,
                                   const Regularisation& regularisation, const Mixture& before, int restart,
                                   int iteration, std::int64_t most, MStep& step);

}  // namespace gmmpi
