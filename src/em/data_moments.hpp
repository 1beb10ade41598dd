// Mean and variance of each column, which starts and reseeds are made with.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// What a start needs to know of the data.
struct DataMoments {
  std::vector<double> mean, variance;  ///< per column
};

/// Collective. Column means and variances (divided by the total weight); those of constant columns are 0.
DataMoments data_moments(const Execution& execution, const Data& data);

}  // namespace gmmpi
