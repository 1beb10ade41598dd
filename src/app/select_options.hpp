// The options of gmmpi select.
#pragma once

#include "app/options.hpp"
#include "gmmpi/inference/select.hpp"

namespace gmmpi::app {

/// Error 64.
SelectOptions select_options(const Options& options);

/// With --covariance-type all and one column: of the types that are the same there, the first one each.
void leave_out_equal_types(const Options& options, int n_columns, SelectOptions& wanted);

}  // namespace gmmpi::app
