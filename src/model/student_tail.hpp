// How far out the rows of a multivariate t lie.
#pragma once

#include "kernels/table.hpp"

namespace gmmpi {

/// The squared distance q that a t of `n_features` columns exceeds with probability `p`, 0 < p < 1: q over
/// the number of columns has the F distribution of (n_features, dof) degrees of freedom. 12 digits or more.
/// Bisection of the incomplete beta function (Abramowitz & Stegun 1964, 26.5.8, 26.6.2).
double student_distance_quantile(double p, int n_features, double dof, const KernelTable& kernels);

}  // namespace gmmpi
