// Tables of records in HDF5 files (a compound type): fields as columns.
#include "io/hdf5_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace gmmpi::h5 {

namespace {

bool is_complex(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return false;
  const auto member = [type](unsigned i) {
    char* text = H5Tget_member_name(type, i);
    std::string name = text == nullptr ? "" : text;
    H5free_memory(text);
    return name;
  };
  return member(0).starts_with("r") && member(1).starts_with("i") &&
         H5Tget_class(Handle(H5Tget_member_type(type, 0))) == H5T_FLOAT &&
         H5Tget_class(Handle(H5Tget_member_type(type, 1))) == H5T_FLOAT;
}

}  // namespace

std::string other_kind(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
    case H5T_ENUM:
      return "";
    case H5T_FLOAT:
      return size > 8 ? fmt::format("{}-byte floats", size) : "";
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return is_complex(type) ? "complex numbers" : "records";
    default:
      return "values of an HDF5 type that are not numbers";
  }
}

bool fits_float(hid_t type) {
  return H5Tget_size(type) <= (H5Tget_class(type) == H5T_FLOAT ? 4U : 2U);
}

RecordColumns::RecordColumns(hid_t type) {
  const int n = H5Tget_nmembers(type);
  for (int i = 0; i < n; ++i) {
    char* text = H5Tget_member_name(type, static_cast<unsigned>(i));
    Column column{text == nullptr ? "" : text, text == nullptr ? "" : text, "", {}, 0};
    H5free_memory(text);
    Handle member(H5Tget_member_type(type, static_cast<unsigned>(i)));
    if (H5Tget_class(member) == H5T_ARRAY) {
      column.dims.resize(static_cast<std::size_t>(std::max(0, H5Tget_array_ndims(member))));
      H5Tget_array_dims2(member, column.dims.data());
      member = Handle(H5Tget_super(member));
    }
    column.other_kind = h5::other_kind(member);
    if (!column.other_kind.empty()) {
      columns_.push_back(column);
      continue;
    }
    fits_float_ = fits_float_ && h5::fits_float(member);
    const auto elements =
        std::accumulate(column.dims.begin(), column.dims.end(), hsize_t{1}, std::multiplies<>());
    for (; column.element < elements; ++column.element) {
      columns_.push_back(column);
      if (!column.dims.empty()) columns_.back().name.append(".").append(std::to_string(column.element));
    }
  }
}

std::vector<std::string> RecordColumns::names() const {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  return names;
}

std::vector<int> RecordColumns::numeric() const {
  const bool is_pandas =
      std::ranges::any_of(columns_, [](const Column& c) { return c.field.starts_with("values_block_"); });
  std::vector<int> numeric;
  for (int i = 0; i < size(); ++i) {
    const Column& column = columns_[static_cast<std::size_t>(i)];
    if (column.other_kind.empty() && !(is_pandas && column.name == "index")) numeric.push_back(i);
  }
  return numeric;
}

RecordColumns::Layout RecordColumns::layout(const std::vector<int>& columns, hid_t number) const {
  struct Field {
    const Column* column;
    std::size_t offset, bytes;
  };
  Layout layout;
  std::vector<Field> fields;
  const std::size_t one = H5Tget_size(number);
  for (const int i : columns) {
    const Column& column = columns_[static_cast<std::size_t>(i)];
    auto field = std::ranges::find(fields, column.field, [](const Field& f) { return f.column->field; });
    if (field == fields.end()) {
      const auto elements =
          std::accumulate(column.dims.begin(), column.dims.end(), hsize_t{1}, std::multiplies<>());
      field = fields.insert(field, {&column, layout.bytes, static_cast<std::size_t>(elements) * one});
      layout.bytes += field->bytes;
    }
    layout.offsets.push_back(field->offset + column.element * one);
  }
  const std::string problem = "a record in memory cannot be laid out";
  layout.type = Handle(check(H5Tcreate(H5T_COMPOUND, std::max<std::size_t>(layout.bytes, 1)), problem));
  for (const Field& field : fields) {
    const std::vector<hsize_t>& dims = field.column->dims;
    const Handle type(dims.empty()
                          ? H5Tcopy(number)
                          : H5Tarray_create2(number, static_cast<unsigned>(dims.size()), dims.data()));
    check(H5Tinsert(layout.type, field.column->field.c_str(), field.offset, type), problem);
  }
  return layout;
}

}  // namespace gmmpi::h5
