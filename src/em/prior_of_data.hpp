// The prior of a fit, from the data's mean and covariance.
#pragma once

#include "em/start.hpp"
#include "gmmpi/model/prior.hpp"

namespace gmmpi {

/// Collective. For full and tied covariances one pass over the data. Constant columns have no variance to
/// learn from: they are taken to have the mean variance of all columns (1 if all are constant), in
/// `moments.variance` from now on, too.
Prior prior_of_data(const Execution& execution, const Data& data, const FitOptions& options,
                    DataMoments& moments);

}  // namespace gmmpi
