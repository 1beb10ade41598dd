// What gmmpi info says of a table.
#pragma once

#include <string>
#include <vector>

#include "app/options.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

/// The names of the columns as a line, if there are any and not too many.
std::string columns_line(const std::vector<std::string>& names, const std::string& more = "");

/// Collective. Prints what a table is that is no HDF5 file, or is one dataset, and how text was understood.
/// Errors as open_data; 64.
void print_table(const Execution& execution, const Options& options, const std::string& spec);

}  // namespace gmmpi::app
