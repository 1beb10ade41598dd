// Functions of Gamma, as differences that do not cancel where Student's t needs them. Fixed order, no libm.
#pragma once

#include "kernels/table.hpp"

namespace gmmpi {

/// ln x - psi(x) > 0 for x > 0 (psi is the digamma function), 15 digits or more: Abramowitz & Stegun (1964),
/// 6.3.5 and 6.3.18.
double log_minus_digamma(double x, const KernelTable& kernels);

/// ln Gamma(x + h) - ln Gamma(x) - h ln x for x > 0, h >= 0; it tends to 0 for large x. Errors of a few units
/// of 1e-16 times h + 1. Abramowitz & Stegun (1964), 6.1.15 and 6.1.41.
double log_gamma_rise(double x, double h, const KernelTable& kernels);

/// ln Gamma(n / 2) for n >= 1, by Gamma(a + 1) = a Gamma(a) from Gamma(1) = 1 or Gamma(1/2) = sqrt(pi).
double log_gamma_of_half(int n, const KernelTable& kernels);

/// ln(1 + y) for y >= 0, with what rounding takes from 1 + y.
double log_of_one_plus(double y, const KernelTable& kernels);

}  // namespace gmmpi
