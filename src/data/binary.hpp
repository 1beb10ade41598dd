// Checks that data are binary.
#pragma once

#include <string>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Collective. Error 65, naming the first such row of the lowest rank that has one and its column, unless
/// every value (of rows of positive weight) is 0 or 1. `name` names the data.
void require_binary(const Execution& execution, const Data& data, const std::string& name);

}  // namespace gmmpi
