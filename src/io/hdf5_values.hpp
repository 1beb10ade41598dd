// Attributes and small datasets of an HDF5 file: text, double and 64-bit integers.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/hdf5_handles.hpp"

namespace gmmpi::h5 {

/// Scalar attributes; text is variable-length UTF-8. The attribute must not exist. Error 74.
void write_attribute(hid_t object, const std::string& name, std::string_view text);
void write_attribute(hid_t object, const std::string& name, double value);
void write_attribute(hid_t object, const std::string& name, std::int64_t value);
void write_attribute(hid_t object, const std::string& name, std::integral auto value) {
  write_attribute(object, name, static_cast<std::int64_t>(value));
}

/// One-dimensional, variable-length UTF-8.
void write_attribute(hid_t object, const std::string& name, std::span<const std::string> values);

bool has_attribute(hid_t object, const std::string& name);

/// T: std::string, double or std::int64_t. Numbers of any stored type are converted; text may be of
/// variable or fixed length. Errors: 65 (no such attribute, of another kind, not a single value), 74.
template <class T>
T read_attribute(hid_t object, const std::string& name);
/// All values of an attribute, row by row.
template <class T>
std::vector<T> read_attribute_values(hid_t object, const std::string& name);

/// Contiguous datasets, row-major; groups in `path` are created as needed. `values` holds as many
/// elements as the product of `dims`. Error 74.
void write_dataset(hid_t location, const std::string& path, std::span<const double> values,
                   std::span<const Index> dims);
void write_dataset(hid_t location, const std::string& path, std::span<const std::int64_t> values,
                   std::span<const Index> dims);
/// One-dimensional, variable-length UTF-8.
void write_dataset(hid_t location, const std::string& path, std::span<const std::string> values);

/// A whole dataset; its shape goes to `dims` where asked for. T and errors as read_attribute.
template <class T>
std::vector<T> read_dataset(hid_t location, const std::string& path, std::vector<Index>* dims = nullptr);

/// Lists for creating datasets and links: no times stored (equal contents, equal bytes), groups on
/// the way created.
Handle dataset_creation();
Handle link_creation();

}  // namespace gmmpi::h5
