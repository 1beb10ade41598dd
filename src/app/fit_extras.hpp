// --prior, --fix and --noise: what constrains a fit, and what it leaves to noise.
#pragma once

#include <optional>

#include "app/options.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// --prior, and --prior-shrinkage, --prior-dof, --prior-scale, --prior-weight, which need it. Error 64.
std::optional<PriorOptions> prior_options(const Options& options);

/// --fix. Error 64.
FixedParameters fixed_parameters(const Options& options);

/// --noise, and --noise-weight and --noise-volume, which need it. Error 64.
std::optional<NoiseOptions> noise_options(const Options& options);

}  // namespace gmmpi::app
