// Components that explain next to nothing, but with a boundless likelihood.
#pragma once

#include <span>
#include <string>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// A variance below this share of the pooled one, in any direction, is far below it.
inline constexpr double kLeastVarianceShare = 1e-4;

/// Local. Which component of a mixture fitted to `n_rows` rows (of positive weight) is degenerate, and why;
/// empty if none is. `added` (d) was added to the variances of each column (FitResult::reg_covar). The
/// likelihood of Gaussian mixtures has no bound: a component on a few rows, or on rows that agree in one
/// direction, can win every criterion (Day 1969; McLachlan & Peel 2000, section 3.10). A component k counts as
/// degenerate if
/// - N_k = pi_k n_rows is below the rows that its own covariance needs: d + 1 for full, 2 for diag and
///   spherical; a shared covariance needs K + d rows in all;
/// - it is at the variance floor (Mixture::floored);
/// - in some direction its variance is what was added, up to a hundredth; or
/// - Sigma_k - kLeastVarianceShare * W is not positive definite, W = sum_l pi_l Sigma_l being the covariance
///   pooled within components: in some direction its variance is less than that share of the pooled one.
/// Bernoulli components never are.
std::string degenerate_component(const Mixture& mixture, Index n_rows, std::span<const double> added,
                                 const KernelTable& kernels);

/// Local. In words, where component k of a factorised Gaussian mixture is narrowest against the columns'
/// variances (d): a column, or a sum of standardised columns. `names`: those of the columns, or none.
std::string narrow_direction(const Mixture& mixture, int k, std::span<const double> variance,
                             std::span<const std::string> names = {});

}  // namespace gmmpi
