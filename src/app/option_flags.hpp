// Options in the library's messages: there `reg_covar`, for the user of the program --reg-covar.
#pragma once

#include <string>

namespace gmmpi::app {

/// `text` with every option's key in backticks as the command line writes it; other backticks stay.
std::string with_flags(const std::string& text);

}  // namespace gmmpi::app
