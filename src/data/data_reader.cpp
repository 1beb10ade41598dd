// DataReader: how a table is described.
#include "gmmpi/data/data_reader.hpp"

#include <fmt/format.h>

namespace gmmpi {

std::string DataReader::describe() const {
  return fmt::format("{} ({}, {} x {}, {})", name_, format_, n_rows_, n_columns_,
                     element_ == ElementType::f4 ? "f4" : "f8");
}

}  // namespace gmmpi
