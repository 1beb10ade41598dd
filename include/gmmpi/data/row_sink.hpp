// Where per-row results go: a file, or memory.
#pragma once

#include <string>

#include "gmmpi/data/block_grid.hpp"

namespace gmmpi {

/// One array of N rows of `columns` values (0: one-dimensional), or of `columns` x `depth` values each.
struct OutputColumn {
  std::string name;  ///< path in the file, such as "/responsibilities"
  enum class Type { f4, f8, i4, i8 } type = Type::f8;
  Index columns = 0;
  Index depth = 0;  ///< more than 0: three-dimensional
};

class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Local, thread-safe. Rows [first, first + count) of array `column`; `values` has its type.
  virtual void write(std::size_t column, Index first, Index count, const void* values) const = 0;
};

}  // namespace gmmpi
