// The HDF5 file of contiguous datasets that ranks then fill by plain writes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gmmpi/io/row_output.hpp"
#include "io/atomic_file.hpp"

namespace gmmpi {

/// What such a file holds.
struct RowFileLayout {
  Index n_rows = 0;
  std::vector<OutputColumn> columns;
  std::vector<Attribute> attributes;       ///< of the root group
  std::vector<std::string> feature_names;  ///< none: no /feature_names
};

/// The attribute of a dataset that names the values of a row, where they have names.
inline constexpr const char* kColumnNames = "column_names";

/// Collective. Rank 0 writes everything but the rows; returns where in the file the rows of each
/// dataset start. The root group also gets `format_version` and `gmmpi_version`. Error 74.
std::vector<std::int64_t> begin_row_file(const Communicator& comm, const AtomicFile& file,
                                         const RowFileLayout& layout);

}  // namespace gmmpi
