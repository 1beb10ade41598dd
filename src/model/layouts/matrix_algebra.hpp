// Dense covariances, one at a time: factors, eigenvalues, triangular algebra. (d, d), row by row.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/model/covariance_layout.hpp"

namespace gmmpi {

/// U with (U U^T)^-1 = covariance, from the factor of the covariance scaled by powers of two (exactly) to
/// variances near 1, so that units play no part. False if not positive definite.
bool precision_factor(const double* covariance, int d, double* factor);

/// Raises the eigenvalues of a covariance, in units of `floor`, to at least 1 and makes its factor from them:
/// the covariance's own rounding, large against the floor, would show in a Cholesky factor.
CovarianceLayout::Raised raise_matrix(bool has_factor, std::span<const double> floor, double* covariance,
                                      double* factor);

/// From the precision factor.
Narrowest narrowest_of_factor(const double* factor, std::span<const double> unit);

/// Largest by least eigenvalue; infinite beyond the last digit.
double condition_of_matrix(const double* covariance, int d);

/// Of packed_factor_size: columns of the upper triangular factor in groups of kFactorColumns, each group row by
/// row down to its diagonal; zeros below it. As kernels want it.
void pack_factor(const double* factor, int d, double* out);

/// The upper triangular U with U U^T = B B^T and a positive diagonal.
std::vector<double> upper_factor(const std::vector<double>& b, int d);

/// (U^T)^-1, lower triangular: the Cholesky factor of the covariance whose precision is U U^T.
void covariance_factor(const double* U, int d, double* L);

/// U^T L: L_U^-1 times another lower triangular factor.
std::vector<double> relative_factor(const double* U, const double* L, int d);

/// (L B)(L B)^T of lower triangular factors, symmetric to the last bit.
void covariance_of(const double* L, const std::vector<double>& B, int d, double* covariance);

}  // namespace gmmpi
