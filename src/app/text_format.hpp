// --header, --separator, --decimal, --na: how the user says that text tables are written.
#pragma once

#include "app/options.hpp"
#include "gmmpi/io/open_data.hpp"

namespace gmmpi::app {

/// Of DATA. Error 64.
TextFormat text_format(const Options& options);

/// Of a file of weights or labels beside DATA: only what holds for single fields.
TextFormat text_format_beside(const Options& options);

/// Error 64 if such an option is given for a table that is no text.
void check_is_text(const Options& options, const DataReader& table);

/// Collective. Prints what the reader says of how it was understood, once.
void tell(const Communicator& comm, const DataReader& table);

}  // namespace gmmpi::app
