// The noise component of a fit: what is asked for, and how it begins.
#pragma once

#include <string>

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Error 64: options out of range, or that noise does not go with; a start with noise for a fit without.
/// Error 65: data that give no such noise. `name` names the data in messages.
void validate_noise(const FitOptions& options, const Data& data, const std::string& name);

/// The same with a box: that of the data unless there is one.
NoiseOptions with_box(const NoiseOptions& options, const Data& data);

/// Puts noise beside the components of a start: of the weight that the start gives it, or else of the
/// options', which all components make room for.
void add_noise(const NoiseOptions& options, const Data& data, const KernelTable& kernels, Mixture& start);

}  // namespace gmmpi
