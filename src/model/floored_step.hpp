// M-steps at the variance floor, for structures that the floor breaks.
#pragma once

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// After `factorise_above`. To raise a covariance to the floor is the exact constrained maximum where each
/// covariance, or the one that all share, is free, but not where components determine each other's volume,
/// shape or orientation: there the expected log-likelihood might fall. If it would, the covariances of
/// `before` (of the same structure; null: there is none) stay, so that EM never lowers the log-likelihood (it
/// is a generalised EM then: Dempster, Laird & Rubin 1977, section 3). Components whose own scatter was
/// raised are marked in `mixture.floored`, too. Structures that are not constrained are left as they are.
void settle_floored(Mixture& mixture, const CentralScatter& moments, const Mixture* before,
                    const KernelTable& kernels);

}  // namespace gmmpi
