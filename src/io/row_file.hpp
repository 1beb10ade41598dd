// The empty HDF5 file of contiguous datasets that ranks then fill by plain writes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gmmpi/io/row_output.hpp"

namespace gmmpi {

/// What such a file holds.
struct RowFileLayout {
  Index n_rows = 0;
  std::vector<OutputColumn> columns;
  std::vector<std::pair<std::string, std::string>> text_attributes;  ///< of the root group
  std::vector<std::string> feature_names;                            ///< none: no /feature_names
};

/// Bytes of one row of a dataset.
Index row_bytes(const OutputColumn& column);

/// Local. Creates (or empties) the HDF5 file and returns where in it the values of each dataset
/// start. The root also gets `format_version` and `gmmpi_version`. `subject` names it in messages.
/// Errors 73, 74.
std::vector<std::int64_t> create_row_file(const std::string& path, const RowFileLayout& layout,
                                          const std::string& subject);

}  // namespace gmmpi
