// Where per-row results go: a file, or memory.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/data/block_grid.hpp"

namespace gmmpi {

/// One array of N rows of `columns` values (0: one-dimensional), or of `columns` x `depth` values each.
struct OutputColumn {
  std::string name;  ///< path in the file, such as "/responsibilities"
  enum class Type { f4, f8, i1, i2, i4, i8, u1, u2, u4 } type = Type::f8;
  Index columns = 0;
  Index depth = 0;                   ///< more than 0: three-dimensional
  std::vector<std::string> names{};  ///< of the values of a row, for tables; none: made from `name`
  bool is_companion = false;  ///< belongs to the array before it; formats that hold one table leave it out
};

/// Bytes of one value.
int value_bytes(OutputColumn::Type type);
/// Values of one row.
Index row_values(const OutputColumn& column);
/// Bytes of one row.
Index row_bytes(const OutputColumn& column);
/// The names of the values of a row: `names`, or the last part of `name`, with numbers where there are
/// several.
std::vector<std::string> value_names(const OutputColumn& column);

class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Local, thread-safe. Rows [first, first + count) of array `column`; `values` has its type.
  virtual void write(std::size_t column, Index first, Index count, const void* values) const = 0;
};

}  // namespace gmmpi
