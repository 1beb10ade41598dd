// What the user of a fit should know about its covariances.
#pragma once

#include <string>
#include <vector>

#include "app/run_log.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// Local. Warns of components at the variance floor, of --reg-covar that widens a component by more than a
/// hundredth of its variance, and of a log-likelihood that fell for it. `names` are those of the columns, or none.
void warn_of_covariances(const FitResult& result, const FitOptions& options, double total_weight,
                         const std::vector<std::string>& names, RunLog& log);

}  // namespace gmmpi::app
