// Rows of a table, wherever they are stored.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/data/block_grid.hpp"

namespace gmmpi {

/// How values are held in memory. f4 where every value of the file is exact in it (IEEE half and
/// single, integers of up to 16 bits), f8 otherwise.
enum class ElementType { f4, f8 };

/// A table of N rows and d columns. `read` is local (not collective) and may be called by every
/// rank for any rows.
class DataReader {
 public:
  virtual ~DataReader() = default;
  Index n_rows() const { return n_rows_; }
  int n_columns() const { return n_columns_; }
  ElementType element() const { return element_; }
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  /// "faithful.csv (csv, 272 x 2, f8)"
  std::string describe() const;
  const std::string& name() const { return name_; }

  /// Rows [first, first + count) into `out`, row-major, count * n_columns() values. The float
  /// version may be called only where element() is f4.
  /// Throws Error 74 (I/O), 65 (a csv field that is not a number, naming row and column).
  virtual void read(Index first, Index count, double* out) = 0;
  virtual void read(Index first, Index count, float* out) = 0;

 protected:
  Index n_rows_ = 0;
  int n_columns_ = 0;
  ElementType element_ = ElementType::f8;
  std::string format_, name_;
  std::vector<std::string> feature_names_;
};

}  // namespace gmmpi
