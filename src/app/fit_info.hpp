// What gmmpi info says of a fit.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace gmmpi::app {

/// What a group of the file holds under a name; null where there is none.
nlohmann::ordered_json member(const nlohmann::ordered_json& file, const char* group, const char* name);

/// " --errors ERRORS" of a fit to rows with errors; else "".
std::string errors_option(const nlohmann::ordered_json& file);

/// Prints what a fit has come to.
void print_fit(const nlohmann::ordered_json& file);

}  // namespace gmmpi::app
