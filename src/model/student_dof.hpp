// The degrees of freedom of Student's t: the M-step's equation.
#pragma once

#include "kernels/table.hpp"

namespace gmmpi {

/// Estimated degrees of freedom stay between these.
inline constexpr double kLeastDof = 0.1, kMostDof = 1000.0;

/// The nu that maximises the expected log-likelihood, to the last digit, where `excess` <= 0 is the mean of
/// ln u - u + 1 (u = (before + d)/(before + q) of the E-step, with degrees of freedom `before`): the root of
/// ln(nu/2) - psi(nu/2) + excess + psi((before + d)/2) - ln((before + d)/2), within [kLeastDof, kMostDof].
/// Liu & Rubin, Statistica Sinica 5 (1995); Peel & McLachlan, Statistics and Computing 10 (2000), eq. 30.
double solve_dof(double excess, double before, int n_features, const KernelTable& kernels);

/// ln of the density of a t of d columns at its centre, for scale matrices of determinant 1:
/// ln Gamma((nu + d)/2) - ln Gamma(nu/2) - (d/2) ln(nu pi).
double student_log_peak(double dof, int n_features, const KernelTable& kernels);

}  // namespace gmmpi
