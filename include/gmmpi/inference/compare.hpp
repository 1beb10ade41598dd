// How far two mixtures of the same columns are apart: components, densities, labels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Component `a` of A beside component `b` of B.
struct ComponentMatch {
  int a = 0, b = 0;
  double distance = 0.0;          ///< Bhattacharyya distance of the two distributions
  double weight_error = 0.0;      ///< pi_b - pi_a
  double mean_error = 0.0;        ///< |mu_b - mu_a|, in the units of the data
  double mean_mahalanobis = 0.0;  ///< the same in standard deviations of A's Gaussian; NaN for Bernoulli
  double covariance_error = 0.0;  ///< |Sigma_b - Sigma_a| / |Sigma_a|, Frobenius norms; NaN for Bernoulli
};

/// Local. Pairs as many components as both have, each once, with the least sum of Bhattacharyya distances
/// 1/8 delta^T S^-1 delta + 1/2 ln(det S / sqrt(det Sigma_a det Sigma_b)), S = (Sigma_a + Sigma_b) / 2
/// (Bhattacharyya 1943), which units and affine maps of the columns do not change; for Bernoulli components
/// -sum_j ln(sqrt(mu_j nu_j) + sqrt((1 - mu_j)(1 - nu_j))). In order of `a`. Costs K_A K_B factorisations.
/// Errors: 65 other numbers of columns or another distribution, 79 a mean of two covariances that cannot be
/// factorised.
std::vector<ComponentMatch> match_components(const Execution& execution, const Mixture& a, const Mixture& b);

/// A mean of independent draws.
struct MonteCarlo {
  double value = 0.0;
  double standard_error = 0.0;
};

/// Collective. KL(p || q) = E_p[ln p(x) - ln q(x)] in nats (Bishop 2006, eq. 1.113) from `n_rows` >= 2 rows
/// of p: those of `sample` with this seed. Close models may come out slightly negative. Same bits on any
/// ranks.
MonteCarlo kl_divergence(const Execution& execution, const Mixture& p, const Mixture& q, Index n_rows,
                         std::uint64_t seed);

/// Collective. How many rows of positive weight have label a under A and b under B: (K_A, K_B).
std::vector<Index> label_table(const Execution& execution, const Data& data, const Mixture& a,
                               const Mixture& b);
/// Collective. Likewise, for `n_rows` rows drawn from each mixture with this seed.
std::vector<Index> drawn_label_table(const Execution& execution, const Mixture& a, const Mixture& b,
                                     Index n_rows, std::uint64_t seed);

/// Local. The adjusted Rand index of two labellings (Hubert & Arabie 1985) from such a table: 1 for the same
/// partition, 0 on average for independent ones.
double adjusted_rand_index(std::span<const Index> table, int n_columns);

}  // namespace gmmpi
