// Marginals and conditionals of a mixture, which are mixtures themselves.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Throws Error 64 that starts with `name` unless the columns exist (0 to n_features - 1), differ, are at
/// least one, and leave at least `n_left` others.
void check_column_list(std::span<const int> columns, int n_features, int n_left, const std::string& name);

/// The columns that are not among `columns`, in ascending order.
std::vector<int> other_columns(std::span<const int> columns, int n_features);

/// p(x_keep): the columns `keep`, in that order, of the means and covariances; the weights stay. Bishop
/// (2006), eq. 2.98. Same covariance type. Local. Errors: 64 columns, 79 a covariance that rounding leaves
/// not positive definite.
Mixture marginal(const Mixture& mixture, std::span<const int> keep, const KernelTable& kernels);

/// The same mixture with column places[j] of all d as its column j; unlike a marginal it keeps its rule of
/// labels. Local. Errors as marginal.
Mixture reordered(const Mixture& mixture, std::span<const int> places, const KernelTable& kernels);

/// p(x_a | x_b) of a mixture, for every x_b: the component weights p(k | x_b) are the responsibilities
/// under p(x_b); component k has mean mu_k,a + B_k (x_b - mu_k,b) and the covariance of `rest`, with
/// B_k = Sigma_k,ab Sigma_k,bb^-1 and covariance Sigma_k,aa - B_k Sigma_k,ba. Bishop (2006), eqs. 2.81 and
/// 2.82, exercise 9.10.
struct Conditional {
  std::vector<int> a, b;       ///< columns of the joint mixture
  Mixture given;               ///< p(x_b)
  Mixture rest;                ///< weights and means of p(x_a), covariances of p(x_a | x_b, k); same type
  std::vector<double> slopes;  ///< B_k (K, |a|, |b|), (1, |a|, |b|) where shared, empty where all are zero
};

/// Local. Columns that are in neither `a` nor `b` are integrated out. Errors: 64 columns, 79 as marginal.
Conditional make_conditional(const Mixture& mixture, std::span<const int> a, std::span<const int> b,
                             const KernelTable& kernels);

struct ConditionedMixture {
  Mixture mixture;           ///< p(x_a | x_b = values): the columns not given, in ascending order
  double log_density = 0.0;  ///< ln p(x_b = values)
};

/// Local. p(x_a | x_b = values), of the same covariance type: Schur complements of a shared matrix are
/// shared, those of diagonal ones are their remaining entries; Bernoulli components stay as they are. Far
/// from all components the weights may underflow to 0 but for one: such components are gone. Errors: as
/// make_conditional, 64 for a value that is not finite, or beyond squared distances of 1e300.
ConditionedMixture condition(const Mixture& mixture, std::span<const int> given,
                             std::span<const double> values, const KernelTable& kernels);

}  // namespace gmmpi
