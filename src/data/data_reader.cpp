// DataReader: how a table, its rows and its columns are described.
#include "gmmpi/data/data_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gmmpi {

std::string DataReader::describe() const {
  return fmt::format("{} ({}, {} x {}, {})", name_, format_, n_rows_, n_columns_,
                     element_ == ElementType::f4 ? "f4" : "f8");
}

void DataReader::read(Index first, Index count, std::int64_t* out) {
  std::vector<double> values(static_cast<std::size_t>(count * n_columns_));
  read(first, count, values.data());
  std::ranges::transform(values, out, [](double value) { return static_cast<std::int64_t>(value); });
}

std::string DataReader::row_text(Index row) {
  return fmt::format("row {}", row);
}

std::string DataReader::column_text(int column) const {
  return feature_names_.empty() ? fmt::format("column {}", column)
                                : fmt::format("column {} '{}'", column, feature_names_[column]);
}

}  // namespace gmmpi
