// What to look at in a fitted mixture: components that overlap, covariances that are nearly singular.
#pragma once

#include <optional>
#include <vector>

#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

struct Overlap {
  int a = 0, b = 0;
  double distance = 0.0;  ///< Bhattacharyya distance B of the two distributions
  double bound = 0.0;     ///< sqrt(pi_a pi_b) exp(-B)
};

/// Local. The two components with the largest bound; none where there is only one. The bound is one on the
/// share of all rows that are of one of the two and more probable under the other (Kailath 1967, IEEE Trans.
/// Communication Technology 15; Duda, Hart & Stork 2001, section 2.8.2). Costs K^2 factorisations. Error 79
/// as match_components.
std::optional<Overlap> most_overlapping(const Execution& execution, const Mixture& mixture);

/// Local. (K) largest over smallest eigenvalue of each covariance, one value if it is shared, none for
/// Bernoulli components. Infinite where doubles cannot tell: above some 1e15 / d for full and tied.
std::vector<double> condition_numbers(const Mixture& mixture);

}  // namespace gmmpi
