// Seeds: centres drawn from the rows, the same on any number of ranks.
#pragma once

#include <cstdint>
#include <vector>

#include "em/safe_point.hpp"
#include "gmmpi/data/data.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// How likely a row is to be drawn as the next centre, given those drawn before.
enum class SeedRule {
  distance,  ///< weight times squared distance to the nearest centre (k-means++, Arthur & Vassilvitskii 2007)
  distinct,  ///< weight, for rows that differ from all centres
};

/// Collective. K centres (K, d) drawn from the rows; `centers` holds those drawn so far. `distance` tries 2 +
/// ln K candidates each time and keeps the one that lowers the inertia most.
void seed_centers(const Execution& execution, const Data& data, int n_centers, SeedRule rule,
                  std::uint64_t seed, std::vector<double>& centers, const SafePoint& safe_point);

/// Collective. K centres (K, d) drawn from the rows by k-means|| (Bahmani et al., VLDB 2012): five rounds
/// that each draw about 2K candidates, of which `seed_centers` chooses K, weighted by the rows nearest to
/// them. Passes over the data: 7, whatever K. While `n_rounds` is not 0, `centers` holds the candidates of so
/// many rounds.
void seed_centers_in_rounds(const Execution& execution, const Data& data, int n_centers, std::uint64_t seed,
                            std::vector<double>& centers, int& n_rounds, const SafePoint& safe_point);

}  // namespace gmmpi
