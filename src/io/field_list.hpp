// A file's contents as a list of named values: written to HDF5 and digested from the same list.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/hdf5_values.hpp"

namespace gmmpi {

/// A named value under a group: a scalar is an attribute of the group, an array a dataset in it.
struct Field {
  template <class T>
  struct Array {
    std::vector<T> values;
    std::vector<Index> dims;
    bool operator==(const Array&) const = default;
  };
  using Value =
      std::variant<std::string, double, std::int64_t, Array<double>, Array<std::int64_t>, Array<std::string>>;

  std::string group;  ///< "" is the root
  std::string name;
  Value value;
  bool in_digest = false;
};

/// XXH3-128, as 32 hexadecimal digits, over the fields that are marked for it, in order of group and name:
/// group, name, type, shape, little-endian bytes.
std::string digest(std::vector<Field> fields);

/// Writes all fields; groups are created as needed.
void write_fields(hid_t file, const std::vector<Field>& fields);

}  // namespace gmmpi
