// Starts: the model, or the centres, that a restart begins with. All the same on any number of ranks.
#pragma once

#include <string>
#include <vector>

#include "em/data_moments.hpp"
#include "em/m_step.hpp"
#include "em/safe_point.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Collective. Takes `state` from where it is in seeding or lloyd to a model that enters the first E-step;
/// returns how that was made. Components that such a start leaves without a proper covariance get the data's
/// column variances.
std::string make_start(const Execution& execution, const Data& data, const DataMoments& moments,
                       const FitOptions& options, const Constraints& constraints, FitState& state,
                       const SafePoint& safe_point);

/// Collective. As make_start, to the centres (K, d) in state.centers that k-means begins with: seeds, or
/// the means of a model.
std::string make_centers(const Execution& execution, const Data& data, const DataMoments& moments,
                         const FitOptions& options, const Regularisation& regularisation, FitState& state,
                         const SafePoint& safe_point);

/// Bytes per rank, besides the data, that a start from so many rows needs for them.
std::int64_t start_bytes(const Execution& execution, const FitOptions& options, Index n_rows, int n_columns);

/// Sets component k to a broad one about the row x, with the diagonal covariance of these variances (a shared
/// covariance stays).
void set_component(Mixture& model, int k, const std::vector<double>& x,
                   const std::vector<double>& variance);

}  // namespace gmmpi
