// Sizes and names of what goes to a row sink.
#include "gmmpi/data/row_sink.hpp"

#include <algorithm>

namespace gmmpi {

int value_bytes(OutputColumn::Type type) {
  using Type = OutputColumn::Type;
  switch (type) {
    case Type::i1:
    case Type::u1:
      return 1;
    case Type::i2:
    case Type::u2:
      return 2;
    case Type::f4:
    case Type::i4:
    case Type::u4:
      return 4;
    default:
      return 8;
  }
}

Index row_values(const OutputColumn& column) {
  return std::max<Index>(column.columns, 1) * std::max<Index>(column.depth, 1);
}

Index row_bytes(const OutputColumn& column) {
  return row_values(column) * value_bytes(column.type);
}

std::vector<std::string> value_names(const OutputColumn& column) {
  if (!column.names.empty()) return column.names;
  std::string base = column.name.substr(column.name.rfind('/') + 1);
  if (base == "X") base[0] = 'x';
  if (column.columns == 0) return {base};
  std::vector<std::string> names;
  for (Index i = 0; i < column.columns; ++i)
    for (Index j = 0; j < std::max<Index>(column.depth, 1); ++j) {
      std::string& name = names.emplace_back(base);
      name += std::to_string(i);
      if (column.depth > 0) name.append("_").append(std::to_string(j));
    }
  return names;
}

}  // namespace gmmpi
