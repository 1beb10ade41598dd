// Tables of records in HDF5 files (a compound type): fields as columns.
#pragma once

#include <string>
#include <vector>

#include "io/hdf5_handles.hpp"

namespace gmmpi::h5 {

/// The columns that the fields of a compound type make: a number is one, an array of numbers in a field one
/// for each element (NAME.0, NAME.1 ...). What is no number is a column, too, which can only be left out.
class RecordColumns {
 public:
  RecordColumns() = default;
  explicit RecordColumns(hid_t type);

  int size() const { return static_cast<int>(columns_.size()); }
  std::vector<std::string> names() const;
  /// Whether all numbers are exact in float.
  bool fits_float() const { return fits_float_; }
  /// Those that hold numbers, in order, but for the row index that pandas writes as a field.
  std::vector<int> numeric() const;
  /// What the column holds if that is no number ("strings"); else empty.
  const std::string& other_kind(int column) const {
    return columns_[static_cast<std::size_t>(column)].other_kind;
  }

  /// A record in memory that holds the fields of these columns alone, as `number` (H5T_NATIVE_FLOAT or
  /// _DOUBLE).
  struct Layout {
    Handle type;
    std::size_t bytes = 0;
    std::vector<std::size_t> offsets;  ///< of each column's number
  };
  Layout layout(const std::vector<int>& columns, hid_t number) const;

 private:
  struct Column {
    std::string name, field, other_kind;
    std::vector<hsize_t> dims;  ///< of the field's array; empty: none
    std::size_t element = 0;    ///< of that array
  };
  std::vector<Column> columns_;
  bool fits_float_ = true;
};

/// "strings", "complex numbers" ...: what values of a type are that is none of numbers; empty: numbers.
std::string other_kind(hid_t type);
/// Whether all numbers of this type are exact in float.
bool fits_float(hid_t type);

}  // namespace gmmpi::h5
