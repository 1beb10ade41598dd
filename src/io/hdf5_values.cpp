// Attributes and small datasets of an HDF5 file: text, double and 64-bit integers.
#include "io/hdf5_values.hpp"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "io/hdf5_storage.hpp"

namespace gmmpi::h5 {

namespace {

Handle text_type(H5T_cset_t character_set = H5T_CSET_UTF8) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, character_set);
  return type;
}

template <class T>
hid_t number_type() {
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
  return H5T_NATIVE_INT64;
}

void put_attribute(hid_t object, const std::string& name, hid_t type, const void* value,
                   const Handle& space = Handle(H5Screate(H5S_SCALAR))) {
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute, type, value) < 0)
    fail(where(object) + ": attribute " + name + " cannot be written");
}

void put_dataset(hid_t location, const std::string& path, hid_t type, const void* values,
                 std::span<const Index> dims) {
  const std::vector<hsize_t> lengths(dims.begin(), dims.end());
  const Handle space(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr));
  const Handle links = link_creation(), creation = dataset_creation();
  const Handle dataset(H5Dcreate2(location, path.c_str(), type, space, links, creation, H5P_DEFAULT));
  if (!dataset || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    fail(where(location) + ": dataset " + path + " cannot be written");
}

/// An attribute or dataset to be read: its type and space, and how to read it as a memory type.
struct Source {
  std::string name;
  Handle object, type, space;
  herr_t read(hid_t as, void* out) const {
    return H5Iget_type(object) == H5I_ATTR ? H5Aread(object, as, out)
                                           : H5Dread(object, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
  }
  std::size_t size() const {
    return static_cast<std::size_t>(check(H5Sget_simple_extent_npoints(space), name + " has no sound shape"));
  }
};

[[noreturn]] void wrong_kind(const Source& source, const char* wanted) {
  throw Error(ExitCode::bad_data, fmt::format("{} does not hold {}: write it anew", source.name, wanted));
}

template <class T>
std::vector<T> values_of(const Source& source) {
  const H5T_class_t kind = H5Tget_class(source.type);
  if (kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM) wrong_kind(source, "numbers");
  std::vector<T> values(source.size());
  check(source.read(number_type<T>(), values.data()), source.name + " cannot be read");
  return values;
}

std::vector<std::string> variable_texts_of(const Source& source) {
  const Handle type = text_type(H5Tget_cset(source.type));
  std::vector<char*> raw(source.size());
  check(source.read(type, raw.data()), source.name + " cannot be read");
  std::vector<std::string> values;
  for (const char* text : raw) values.emplace_back(text == nullptr ? "" : text);
  H5Dvlen_reclaim(type, source.space, H5P_DEFAULT, raw.data());
  return values;
}

template <>
std::vector<std::string> values_of(const Source& source) {
  if (H5Tget_class(source.type) != H5T_STRING) wrong_kind(source, "text");
  if (H5Tis_variable_str(source.type) > 0) return variable_texts_of(source);
  const std::size_t width = H5Tget_size(source.type);
  std::vector<char> raw(source.size() * width);
  check(source.read(source.type, raw.data()), source.name + " cannot be read");
  std::vector<std::string> values;
  for (std::size_t i = 0; i < raw.size(); i += width) {
    std::string& text = values.emplace_back(raw.data() + i, strnlen(raw.data() + i, width));
    if (H5Tget_strpad(source.type) == H5T_STR_SPACEPAD) text.erase(text.find_last_not_of(' ') + 1);
  }
  return values;
}

}  // namespace

Handle dataset_creation() {
  Handle list(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(list, false);
  return list;
}

Handle link_creation() {
  Handle list(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(list, 1);
  return list;
}

void write_attribute(hid_t object, const std::string& name, std::string_view text) {
  const Session session;
  const std::string copy(text);
  const char* const pointer = copy.c_str();
  put_attribute(object, name, text_type(), &pointer);
}
void write_attribute(hid_t object, const std::string& name, double value) {
  const Session session;
  put_attribute(object, name, H5T_NATIVE_DOUBLE, &value);
}
void write_attribute(hid_t object, const std::string& name, std::int64_t value) {
  const Session session;
  put_attribute(object, name, H5T_NATIVE_INT64, &value);
}

void write_attribute(hid_t object, const std::string& name, std::span<const std::string> values) {
  const Session session;
  std::vector<const char*> pointers;
  for (const std::string& text : values) pointers.push_back(text.c_str());
  const hsize_t count = pointers.size();
  put_attribute(object, name, text_type(), pointers.data(), Handle(H5Screate_simple(1, &count, nullptr)));
}

bool has_attribute(hid_t object, const std::string& name) {
  const Session session;
  return H5Aexists(object, name.c_str()) > 0;
}

template <class T>
std::vector<T> read_attribute_values(hid_t object, const std::string& name) {
  const Session session;
  Source source;
  source.name = fmt::format("{}: attribute {}", where(object), name);
  source.object = Handle(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  if (!source.object)
    throw Error(ExitCode::bad_data, fmt::format("{}: no attribute {}: add it", where(object), name));
  source.type = Handle(H5Aget_type(source.object));
  source.space = Handle(H5Aget_space(source.object));
  return values_of<T>(source);
}
template std::vector<std::string> read_attribute_values<std::string>(hid_t, const std::string&);
template std::vector<double> read_attribute_values<double>(hid_t, const std::string&);
template std::vector<std::int64_t> read_attribute_values<std::int64_t>(hid_t, const std::string&);

template <class T>
T read_attribute(hid_t object, const std::string& name) {
  const std::vector<T> values = read_attribute_values<T>(object, name);
  if (values.size() != 1)
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: attribute {} does not hold a single value: write it anew", where(object), name));
  return values.front();
}
template std::string read_attribute<std::string>(hid_t, const std::string&);
template double read_attribute<double>(hid_t, const std::string&);
template std::int64_t read_attribute<std::int64_t>(hid_t, const std::string&);

void write_dataset(hid_t location, const std::string& path, std::span<const double> values,
                   std::span<const Index> dims) {
  const Session session;
  put_dataset(location, path, H5T_NATIVE_DOUBLE, values.data(), dims);
}
void write_dataset(hid_t location, const std::string& path, std::span<const std::int64_t> values,
                   std::span<const Index> dims) {
  const Session session;
  put_dataset(location, path, H5T_NATIVE_INT64, values.data(), dims);
}
void write_dataset(hid_t location, const std::string& path, std::span<const std::string> values) {
  const Session session;
  std::vector<const char*> pointers;
  for (const std::string& text : values) pointers.push_back(text.c_str());
  const Index count = static_cast<Index>(values.size());
  put_dataset(location, path, text_type(), pointers.data(), std::span(&count, 1));
}

template <class T>
std::vector<T> read_dataset(hid_t location, const std::string& path, std::vector<Index>* dims) {
  const Session session;
  Source source;
  source.name = fmt::format("{}: dataset {}", where(location), path);
  source.object = Handle(H5Dopen2(location, path.c_str(), H5P_DEFAULT));
  if (!source.object)
    throw Error(ExitCode::bad_data, fmt::format("{}: no dataset {}: add it", where(location), path));
  require_stored(source.object, source.name);
  source.type = Handle(H5Dget_type(source.object));
  source.space = Handle(H5Dget_space(source.object));
  if (dims != nullptr) *dims = dimensions(source.space);
  return values_of<T>(source);
}
template std::vector<std::string> read_dataset<std::string>(hid_t, const std::string&, std::vector<Index>*);
template std::vector<double> read_dataset<double>(hid_t, const std::string&, std::vector<Index>*);
template std::vector<std::int64_t> read_dataset<std::int64_t>(hid_t, const std::string&, std::vector<Index>*);

}  // namespace gmmpi::h5
