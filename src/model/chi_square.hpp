// Quantiles of the chi-square distribution.
#pragma once

#include "kernels/table.hpp"

namespace gmmpi {

/// The x that a chi-square variable of `n_degrees` >= 1 degrees of freedom exceeds with probability
/// `p`, 0 < p < 1; 13 digits or more. Bisection of the incomplete gamma function (Abramowitz & Stegun 1964,
/// 6.5.29 and 6.5.31, 26.4.19).
double chi_square_upper_quantile(double p, int n_degrees, const KernelTable& kernels);

}  // namespace gmmpi
