// A mixture in the units that its rows had before a transform, or have after one.
#pragma once

#include "gmmpi/data/transform.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Local. The mixture of x where `mixture` is that of y = P (x - center) / scale: means center + P^T S mu and
/// covariances P^T S Sigma S P, S = diag(scale). Bishop (2006), exercise 2.32 with eq. 2.115. Of the same
/// covariance type, but diag instead of spherical where columns are scaled, and full instead of diag and
/// spherical where they are mixed. log_volume is 0; the rule of the nearest mean goes on measuring in y.
/// Throws std::logic_error if the transform loses; Error 79 for a covariance that rounding leaves not
/// positive definite.
Mixture mixture_before(const Mixture& mixture, const Transform& transform, const KernelTable& kernels);

/// Local. The mixture of y where `mixture` is that of x; the covariance types as above. Error 79.
Mixture mixture_after(const Mixture& mixture, const Transform& transform, const KernelTable& kernels);

/// The linear part of the way back, P^T S, as a (d, m) matrix.
std::vector<double> back_matrix(const Transform& transform);

/// A C A^T, symmetric to the last bit, of C (n, n) and A (rows, n).
std::vector<double> covariance_image(const std::vector<double>& c, const std::vector<double>& a, int n);

}  // namespace gmmpi
