// Fits as a case file of the reference tells them.
#pragma once

#include <nlohmann/json.hpp>

#include "gmmpi/em/fit.hpp"
#include "support/in_memory.hpp"

namespace reference {

/// Checks a fit to the data from the case's start: the trace M-step by M-step to 1e-13, then parameters
/// (means to epsilon, covariances to ten times that), log-likelihood, BIC and ICL of what has converged.
/// Returns that.
gmmpi::FitResult check_fit(const nlohmann::json& file, const gmmpi::Data& data, double epsilon);

}  // namespace reference
