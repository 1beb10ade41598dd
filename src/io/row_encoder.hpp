// Rows of several arrays side by side, as a csv or npy file holds them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "io/data_format.hpp"

namespace gmmpi {

/// csv: a line of names, then a line for each row, the shortest digits that give the same double back. npy: a
/// single array as it is, several as a structured array with a field for each, named as in HDF5.
class RowEncoder {
 public:
  /// `format` is csv or npy.
  RowEncoder(DataFormat format, std::vector<OutputColumn> columns);

  /// What stands in front of the rows; nothing in the csv file of a single table whose columns have no names.
  std::string header(Index n_rows) const;
  /// `values[i]` holds `count` rows of array i, in its type.
  std::string rows(Index count, std::span<const std::byte* const> values) const;
  /// Bytes of each row in the file; 0 where rows differ (csv).
  Index bytes_of_a_row() const;

 private:
  DataFormat format_;
  std::vector<OutputColumn> columns_;
};

}  // namespace gmmpi
