// Least variances: covariances that are nowhere narrower than a tiny share of the data's.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Collective. From the covariances that maximise the likelihood to those that do so under the constraint
/// Sigma_k >= F = diag(floor), positive semidefinite; then `factorise`. `floor` is (d), all positive; empty:
/// no constraint. The maximum of -ln det Sigma - tr(Sigma^-1 S) has the eigenvectors of F^-1/2 S F^-1/2, and
/// its eigenvalues where they are at least 1, else 1 (von Neumann's trace inequality; Ingrassia & Rocci,
/// Comput. Stat. Data Anal. 51, 2007). So EM with it never lowers the log-likelihood. For diag each variance
/// is at least its column's floor, for spherical at least the mean floor. Components that were raised are in
/// `mixture.floored`. Returns those that are not positive definite even so: their covariance is not finite.
std::vector<int> factorise_above(Mixture& mixture, std::span<const double> floor, const Execution& execution);

}  // namespace gmmpi
