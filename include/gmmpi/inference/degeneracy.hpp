// Components that explain next to nothing, but with a boundless likelihood.
#pragma once

#include <string>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// A variance below this share of the pooled one, in any direction, is far below it.
inline constexpr double kLeastVarianceShare = 1e-4;

/// Local. Which component of a mixture fitted to `n_rows` rows (of positive weight) is degenerate, and why;
/// empty if none is. The likelihood of Gaussian mixtures has no bound: a component on a few rows, or on rows
/// that agree in one direction, can win every criterion (Day 1969; McLachlan & Peel 2000, section 3.10). A
/// component k counts as degenerate if
/// - N_k = pi_k n_rows is below the rows that its own covariance needs: d + 1 for full, 2 for diag and
///   spherical; or
/// - Sigma_k - kLeastVarianceShare * W is not positive definite, W = sum_l pi_l Sigma_l being the covariance
///   pooled within components: in some direction its variance is less than that share of the pooled one.
/// A covariance that all share is never degenerate by this rule, nor are Bernoulli components.
std::string degenerate_component(const Mixture& mixture, Index n_rows, const KernelTable& kernels);

}  // namespace gmmpi
