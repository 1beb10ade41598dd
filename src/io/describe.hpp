// What an HDF5 file holds, as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "gmmpi/data/block_grid.hpp"

namespace gmmpi {

/// Local. The root group as an object: attributes by name, groups as objects, datasets as nested lists if
/// they have at most `most_values` values and are numbers, else as {"shape": [...], "type": "f8"}. Errors:
/// 66, 77, 65 (not HDF5), 74.
nlohmann::ordered_json describe_hdf5(const std::string& path, Index most_values);

}  // namespace gmmpi
