// What a mixture says of rows of which only some columns are observed.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// What the missing columns are expected to be, by component. With m missing and o observed ones, component
/// k's conditional mean is mean_k + B_k (x_o - mu_k,o), and the conditional covariance is the same for all
/// rows (of Student's t: over the row's weight u).
struct MissingColumns {
  std::vector<double> means;        ///< mu_k,m (K, m)
  std::vector<double> given_means;  ///< mu_k,o (K, o)
  std::vector<double> slopes;       ///< B_k = Sigma_mo Sigma_oo^-1 (K or, where shared, 1; m, o); empty: 0
  std::vector<double> covariances;  ///< Sigma_mm - B_k Sigma_om (K or 1, m, m); empty: 0
};

/// p(x_o), and what p(x_m | x_o, k) begins with. Ghahramani & Jordan, NIPS 6 (1994); Bishop (2006), eqs. 2.81
/// and 2.82.
struct ObservedPart {
  Mixture given;
  MissingColumns missing;
};

/// Local. The two lists together hold every column once. A covariance that rounding leaves singular is
/// widened by as little as makes it regular, so that it never fails.
ObservedPart observed_part(const Mixture& mixture, std::span<const int> observed,
                           std::span<const int> missing, const KernelTable& kernels);

/// Columns `columns`, in that order, of the means and covariances; no factors and no noise. A structure
/// becomes what it is after projection.
Mixture selected_columns(const Mixture& mixture, std::span<const int> columns);

/// Of a joint covariance `sigma` (d, d), with U (b, b) the factor of Sigma_bb's inverse, U U^T: the slopes
/// Sigma_ab Sigma_bb^-1 (a, b); and takes Sigma_ab Sigma_bb^-1 Sigma_ba away from `schur` (a, a), which is
/// Sigma_aa before.
void take_away_given(std::span<const int> a, std::span<const int> b, std::size_t d, const double* sigma,
                     const double* u, double* slopes, double* schur);

/// Of (d) values those of `columns`.
std::vector<double> values_of(std::span<const double> values, std::span<const int> columns);

}  // namespace gmmpi
