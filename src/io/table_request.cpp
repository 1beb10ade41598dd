// What a reader is asked to open, and the checks that all formats share.
#include "io/table_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "gmmpi/error.hpp"
#include "io/utf8.hpp"

namespace gmmpi {

namespace {

/// The way out for a shape that is not the one wanted.
std::string reshape_advice(const TableRequest& request, std::size_t n_dims) {
  if (request.is_column()) return "one number per row is needed: give a one-dimensional array (N)";
  if (n_dims == 0) return "a table (N rows x d columns) is needed: give another dataset";
  if (n_dims == 1)
    return "a table (N rows x d columns) is needed: for N rows of one column, store X.reshape(-1, 1)";
  return "a table (N rows x d columns) is needed: for one row per first index, store X.reshape(len(X), -1)";
}

}  // namespace

std::string shape_text(std::span<const Index> dims) {
  return dims.empty() ? "a single value" : fmt::format("{}", fmt::join(dims, " x "));
}

TableShape check_shape(const TableRequest& request, std::span<const Index> dims) {
  const auto bad = [&](const std::string& problem, const std::string& advice) {
    throw Error(ExitCode::bad_data, fmt::format("{} {}: {}", request.subject(), problem, advice));
  };
  const std::size_t n = dims.size();
  if (n > 0 && dims[0] == 0)
    bad(fmt::format("has 0 rows ({})", shape_text(dims)), "check the program that wrote it");
  const auto most = static_cast<std::size_t>(request.most_dimensions);
  const bool right_rank = request.is_column() ? n == 1 || n == 2 : n == 2 || (n > 0 && n <= most);
  if (!right_rank)
    bad(n == 0 ? "is a single value"
               : fmt::format("has {} dimension{} ({})", n, n == 1 ? "" : "s", shape_text(dims)),
        reshape_advice(request, n));
  Index columns = 1;
  for (std::size_t i = 1; i < n; ++i) columns *= dims[i];
  if (columns == 0)
    bad(fmt::format("has 0 columns ({})", shape_text(dims)), "check the program that wrote it");
  if (request.is_column() && columns != 1)
    bad(fmt::format("has {} columns ({})", columns, shape_text(dims)), reshape_advice(request, n));
  if (columns > std::numeric_limits<int>::max())
    bad(fmt::format("has {} columns", columns), "at most 2147483647 can be used, select some");
  return {dims[0], static_cast<int>(columns)};
}

OutputColumn::Type stored_type(bool is_float, bool is_unsigned, int bytes) {
  using Type = OutputColumn::Type;
  if (is_float) return bytes <= 4 ? Type::f4 : Type::f8;
  switch (bytes) {
    case 1:
      return is_unsigned ? Type::u1 : Type::i1;
    case 2:
      return is_unsigned ? Type::u2 : Type::i2;
    case 4:
      return is_unsigned ? Type::u4 : Type::i4;
    default:
      return is_unsigned ? Type::f8 : Type::i8;
  }
}

void not_numbers(const std::string& subject, const std::string& kind, const std::string& remedy) {
  throw Error(ExitCode::bad_data, fmt::format("{} holds {}: numbers are needed; {}", subject, kind, remedy));
}

Notice converted_names(const std::string& subject, const std::vector<std::string>& names) {
  std::vector<std::string> converted;
  for (const std::string& name : names)
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      converted.push_back(name);
  return {fmt::format("{}: names of columns are not UTF-8 and were read as Latin-1 (Windows-1252): {}",
                      subject, fmt::join(converted, ", ")),
          true};
}

void make_utf8(std::vector<std::string>& names, const std::string& subject, std::vector<Notice>& notices) {
  if (std::ranges::all_of(names, is_utf8)) return;
  for (std::string& name : names) name = as_utf8(name);
  notices.push_back(converted_names(subject, names));
}

void check_row_range(const DataReader& reader, Index first, Index count) {
  if (first < 0 || count < 0 || first > reader.n_rows() - count)
    throw Error(ExitCode::internal,
                fmt::format("internal error: {} rows from row {} asked for of {} ({} rows)", count, first,
                            reader.name(), reader.n_rows()));
}

}  // namespace gmmpi
