// The pilot fit: what EM finds on a subsample, as the start on all rows.
#pragma once

#include <optional>

#include "em/start.hpp"

namespace gmmpi {

/// Rows that a subsample must have: 100 per component, and where each has a covariance matrix 5 per column,
/// too.
Index pilot_rows(const FitOptions& options, int n_columns);

struct Pilot {
  Mixture model;
  Index n_rows;  ///< of the largest subsample
};

/// Collective. A model from a subsample, if there is one: four k-means starts of a few sweeps (where
/// components have matrices eight, of as many as they need) and five EM iterations each, of which the
/// likeliest is carried on until the log-likelihood per row changes by less than 1e-4; a subsample that has
/// one itself begins with that one's. `safe_point` is called before each pass.
std::optional<Pilot> pilot_fit(const Execution& execution, const Data& data, const FitOptions& options,
                               std::uint64_t seed, const SafePoint& safe_point);

}  // namespace gmmpi
