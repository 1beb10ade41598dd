// Moments per unit of weight that an engine carries along from one mini-batch to the next.
#pragma once

#include <vector>

#include "em/sweep.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// The moments per unit of weight of which the M-step without regularisation makes this model.
Moments moments_of(const Mixture& model);

/// The same moments about other centres.
Moments recentred(Moments moments, const std::vector<double>& centers);

/// (1 - step) running + step batch / its weight, about the same centres.
Moments average(Moments running, double step, const Moments& batch, double weight);

}  // namespace gmmpi
