// describe_hdf5: a walk over groups, attributes and datasets.
#include "io/describe.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/hdf5_storage.hpp"
#include "io/hdf5_values.hpp"

namespace gmmpi {

namespace {

using Json = nlohmann::ordered_json;
constexpr Index kMostAttributeValues = 1000;

/// Names of the members of a group, or of the attributes of an object, sorted.
std::vector<std::string> member_names(hid_t group) {
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  h5::check(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names),
            h5::where(group) + " cannot be listed");
  return names;
}

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  h5::check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names),
            h5::where(object) + " cannot be listed");
  return names;
}

/// "f8", "i4", "text" or "other".
std::string type_text(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return fmt::format("f{}", H5Tget_size(type));
    case H5T_INTEGER:
      return fmt::format("i{}", H5Tget_size(type));
    case H5T_STRING:
      return "text";
    default:
      return "other";
  }
}

template <class T>
Json nested(const std::vector<T>& values, const std::vector<Index>& dims, std::size_t level,
            std::size_t& at) {
  if (level == dims.size()) return values[at++];
  Json list = Json::array();
  for (Index i = 0; i < dims[level]; ++i) list.push_back(nested(values, dims, level + 1, at));
  return list;
}

/// A scalar as its value, a small array as a nested list; anything else by shape and kind.
Json attribute_value(hid_t object, const std::string& name) {
  const h5::Handle attribute(h5::check(H5Aopen(object, name.c_str(), H5P_DEFAULT), name));
  const h5::Handle type(h5::check(H5Aget_type(attribute), name)),
      space(h5::check(H5Aget_space(attribute), name));
  const H5T_class_t kind = H5Tget_class(type);
  const std::vector<Index> dims = h5::dimensions(space);
  Index n = 1;
  for (const Index length : dims) n *= length;
  std::size_t at = 0;
  if (n > 0 && n <= kMostAttributeValues) {
    if (kind == H5T_STRING) return nested(h5::read_attribute_values<std::string>(object, name), dims, 0, at);
    if (kind == H5T_INTEGER || kind == H5T_ENUM)
      return nested(h5::read_attribute_values<std::int64_t>(object, name), dims, 0, at);
    if (kind == H5T_FLOAT) return nested(h5::read_attribute_values<double>(object, name), dims, 0, at);
  }
  return {{"shape", dims}, {"type", type_text(type)}};
}

/// What keeps the values of a dataset from being read; empty: nothing.
std::string problem_of(hid_t dataset, const std::string& name) {
  try {
    h5::require_stored(dataset, name);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

Json dataset_value(hid_t group, const std::string& name, Index most_values) {
  const h5::Handle dataset(h5::check(H5Dopen2(group, name.c_str(), H5P_DEFAULT), name));
  const std::string problem = problem_of(dataset, name);
  const h5::Handle type(h5::check(H5Dget_type(dataset), name)), space(h5::check(H5Dget_space(dataset), name));
  const H5T_class_t kind = H5Tget_class(type);
  std::vector<Index> dims = h5::dimensions(space);
  Index n = 1;
  for (const Index length : dims) n *= length;
  std::size_t at = 0;
  if (!problem.empty()) return {{"shape", dims}, {"type", type_text(type)}, {"problem", problem}};
  if (n <= most_values && kind == H5T_FLOAT)
    return nested(h5::read_dataset<double>(group, name, &dims), dims, 0, at);
  if (n <= most_values && kind == H5T_INTEGER)
    return nested(h5::read_dataset<std::int64_t>(group, name, &dims), dims, 0, at);
  if (n <= most_values && kind == H5T_STRING)
    return nested(h5::read_dataset<std::string>(group, name, &dims), dims, 0, at);
  return {{"shape", dims}, {"type", type_text(type)}};
}

Json describe_group(hid_t group, Index most_values) {
  Json json = Json::object();
  for (const std::string& name : attribute_names(group)) json[name] = attribute_value(group, name);
  for (const std::string& name : member_names(group)) {
    const h5::Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT));
    if (!object) continue;  // a dangling link
    const H5I_type_t type = H5Iget_type(object);
    if (type == H5I_GROUP) json[name] = describe_group(h5::open_group(group, name), most_values);
    if (type == H5I_DATASET) json[name] = dataset_value(group, name, most_values);
  }
  return json;
}

}  // namespace

nlohmann::ordered_json describe_hdf5(const std::string& path, Index most_values) {
  const h5::Session session;
  const h5::Handle file = h5::open_file(path, path);
  return describe_group(h5::open_group(file, "/"), most_values);
}

}  // namespace gmmpi
