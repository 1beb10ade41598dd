// The options of gmmpi select.
#pragma once

#include "app/options.hpp"
#include "gmmpi/inference/select.hpp"

namespace gmmpi::app {

/// Error 64.
SelectOptions select_options(const Options& options);

}  // namespace gmmpi::app
