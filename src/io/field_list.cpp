// Field lists: digest and writing.
#include "io/field_list.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

namespace gmmpi {

namespace {

static_assert(std::endian::native == std::endian::little, "digests are of little-endian bytes");

void append(std::string& bytes, const void* data, std::size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

void append(std::string& bytes, std::int64_t number) {
  append(bytes, &number, sizeof number);
}

void append(std::string& bytes, const std::string& text) {
  append(bytes, std::ssize(text));
  bytes += text;
}

struct Serialiser {
  std::string& bytes;
  void operator()(const std::string& text) const { append(bytes, std::string("text")), append(bytes, text); }
  void operator()(double value) const {
    append(bytes, std::string("f8")), append(bytes, &value, sizeof value);
  }
  void operator()(std::int64_t value) const { append(bytes, std::string("i8")), append(bytes, value); }
  template <class T>
  void operator()(const Field::Array<T>& array) const {
    append(bytes, std::string(std::is_same_v<T, double> ? "f8[]" : "i8[]"));
    append(bytes, std::ssize(array.dims));
    for (const Index n : array.dims) append(bytes, n);
    append(bytes, array.values.data(), array.values.size() * sizeof(T));
  }
  void operator()(const Field::Array<std::string>& array) const {
    append(bytes, std::string("text[]"));
    append(bytes, std::ssize(array.values));
    for (const std::string& value : array.values) append(bytes, value);
  }
};

}  // namespace

std::string digest(std::vector<Field> fields) {
  std::erase_if(fields, [](const Field& f) { return !f.in_digest; });
  std::ranges::sort(fields, [](const Field& a, const Field& b) {
    return std::tie(a.group, a.name) < std::tie(b.group, b.name);
  });
  std::string bytes;
  for (const Field& field : fields) {
    append(bytes, field.group);
    append(bytes, field.name);
    std::visit(Serialiser{bytes}, field.value);
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  std::string text;
  for (const std::uint64_t word : {hash.high64, hash.low64})
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[word >> shift & 15];
  return text;
}

void write_fields(hid_t file, const std::vector<Field>& fields) {
  std::set<std::string> groups{""};
  for (const Field& field : fields) {
    if (groups.insert(field.group).second) h5::create_group(file, "/" + field.group);
    const h5::Handle group = h5::open_group(file, "/" + field.group);
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Field::Array<std::string>>)
            h5::write_dataset(group, field.name, value.values);
          else if constexpr (requires { value.dims; })
            h5::write_dataset(group, field.name, value.values, value.dims);
          else
            h5::write_attribute(group, field.name, value);
        },
        field.value);
  }
}

}  // namespace gmmpi
