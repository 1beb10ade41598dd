// Small dense algebra of the M-steps, in a fixed order of operations. Matrices are (d, d), row by row.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/model/covariance_structure.hpp"
#include "kernels/scalar_math.hpp"

namespace gmmpi {

/// The k-th packed scatter as a full matrix.
std::vector<double> full_scatter(const CentralScatter& m, int k);

/// Lower triangular L with L L^T = a, zeros above the diagonal; empty if a pivot is no more than 4 d eps of
/// its diagonal entry.
std::vector<double> cholesky_factor(std::span<const double> a, int d);

/// L^-1, lower triangular.
std::vector<double> inverse_of_lower(const std::vector<double>& L, int d);

/// B A B^T, symmetric to the last bit, for symmetric A.
std::vector<double> congruence(std::span<const double> B, std::span<const double> A, int d);

/// sum_j values[j] v_j v_j^T, the v_j being the rows of `axes`; appended to `out`, symmetric to the last bit.
void append_from_axes(std::span<const double> axes, std::span<const double> values, std::vector<double>& out);

/// exp of the mean logarithm; 0 if a value is not positive.
double geometric_mean(std::span<const double> values, const KernelTable& kernels);

}  // namespace gmmpi
