// The candidates of a selection as a table for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "gmmpi/inference/select.hpp"

namespace gmmpi::app {

/// Column titles, and the line of one candidate, as it is finished. in_passes: that of the engine.
std::string grid_header(Criterion criterion);
std::string grid_line(const Candidate& candidate, Criterion criterion, bool in_passes);

/// The group /grid of a model file, as describe_hdf5 gives it: all lines, the best one marked.
std::string grid_text(const nlohmann::ordered_json& grid, bool in_passes);

/// Whether the engine of a model file works_in_passes.
bool in_passes(const nlohmann::ordered_json& file);

}  // namespace gmmpi::app
