// Rows of several arrays side by side, as a csv or npy file holds them.
#include "io/row_encoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "io/csv_text.hpp"
#include "io/npy_header.hpp"

namespace gmmpi {

namespace {

/// A name that the csv reader takes for a name: quoted where it would be cut or be a number.
std::string csv_name(const std::string& name) {
  if (!name.empty() && name.find_first_of(" \t,;\"#\r\n") == std::string::npos && !is_number(name))
    return name;
  std::string quoted(1, '"');
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c == '\n' || c == '\r' ? ' ' : c;
  }
  quoted += '"';
  return quoted;
}

template <class T>
void append_number(std::string& text, const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  std::array<char, 32> digits;
  const auto append = [&](auto number) {
    text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
  };
  if constexpr (std::is_floating_point_v<T>) {
    const double number = value;  // csv is read as float64, so the digits are those of the double
    if (std::isnan(number))
      text += "nan";  // whatever its sign
    else
      append(number);
  } else {
    append(static_cast<std::int64_t>(value));
  }
}

using Append = void (*)(std::string&, const std::byte*);

Append append_of(OutputColumn::Type type) {
  using Type = OutputColumn::Type;
  switch (type) {
    case Type::f4:
      return append_number<float>;
    case Type::i1:
      return append_number<std::int8_t>;
    case Type::i2:
      return append_number<std::int16_t>;
    case Type::i4:
      return append_number<std::int32_t>;
    case Type::i8:
      return append_number<std::int64_t>;
    case Type::u1:
      return append_number<std::uint8_t>;
    case Type::u2:
      return append_number<std::uint16_t>;
    case Type::u4:
      return append_number<std::uint32_t>;
    default:
      return append_number<double>;
  }
}

}  // namespace

RowEncoder::RowEncoder(DataFormat format, std::vector<OutputColumn> columns)
    : format_(format), columns_(std::move(columns)) {}

std::string RowEncoder::header(Index n_rows) const {
  if (format_ == DataFormat::npy) return make_npy_header(columns_, n_rows);
  if (columns_.size() == 1 && columns_[0].columns > 0 && columns_[0].names.empty())
    return "";  // nobody knows
  std::vector<std::string> taken;
  std::string line;
  for (const OutputColumn& column : columns_)
    for (std::string name : value_names(column)) {
      // Names of data may repeat, but what stands beside them has a name of its own.
      while (column.is_companion && std::ranges::find(taken, name) != taken.end()) name += '_';
      taken.push_back(name);
      line.append(csv_name(name)).push_back(',');
    }
  if (!line.empty()) line.back() = '\n';
  return line;
}

std::string RowEncoder::rows(Index count, std::span<const std::byte* const> values) const {
  std::string text;
  if (format_ == DataFormat::npy) {
    for (Index row = 0; row < count; ++row)
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const Index bytes = row_bytes(columns_[i]);
        text.append(reinterpret_cast<const char*>(values[i] + row * bytes), static_cast<std::size_t>(bytes));
      }
    return text;
  }
  for (Index row = 0; row < count; ++row) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Append append = append_of(columns_[i].type);
      const Index bytes = value_bytes(columns_[i].type), n = row_values(columns_[i]);
      for (Index j = 0; j < n; ++j) {
        append(text, values[i] + (row * n + j) * bytes);
        text += ',';
      }
    }
    text.back() = '\n';
  }
  return text;
}

Index RowEncoder::bytes_of_a_row() const {
  Index sum = 0;
  for (const OutputColumn& column : columns_) sum += row_bytes(column);
  return format_ == DataFormat::npy ? sum : 0;
}

}  // namespace gmmpi
