// Bhattacharyya distances between components.
#pragma once

#include <vector>

#include "gmmpi/model/mixture.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

bool is_bernoulli(const Mixture& m);

/// |U_k^T (x - y)|^2, `m` being of type full or diag.
double squared_mahalanobis(const Mixture& m, int k, const double* x, const double* y);

/// Component k of A's distances to all of B (Bhattacharyya 1943); both of the same type, full, diag or
/// bernoulli. Error 79: a mean of two covariances that cannot be factorised.
std::vector<double> bhattacharyya_distances(const Mixture& a, int k, const Mixture& b,
                                            const KernelTable& kernels);

}  // namespace gmmpi
