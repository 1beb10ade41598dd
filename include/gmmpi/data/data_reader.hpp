// Rows of a table, wherever they are stored.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/data/row_sink.hpp"

namespace gmmpi {

/// How values are held in memory. f4 where every value of the file is exact in it (IEEE half and
/// single, integers of up to 16 bits), f8 otherwise.
enum class ElementType { f4, f8 };

/// How rows are stored, as far as those who read many of them should know.
struct Storage {
  bool is_text = false;     ///< every reading parses them again
  Index rows_together = 1;  ///< rows of a chunk; reads that end where chunks end decompress each once
  std::int64_t reading_bytes = 0, streaming_bytes = 0;  ///< taken besides the destination; the latter with
                                                        ///< begin_streaming
};

/// What whoever opened a table should be told, in one line: how a file was understood, or a doubt about it.
struct Notice {
  std::string text;
  bool is_warning = false;
};

/// A table of N rows and d columns. `read` is local (not collective) and may be called by every
/// rank for any rows.
class DataReader {
 public:
  virtual ~DataReader() = default;
  Index n_rows() const { return n_rows_; }
  int n_columns() const { return n_columns_; }
  ElementType element() const { return element_; }
  /// How values are stored, as far as they can be written again in that way; else f8.
  OutputColumn::Type stored() const { return stored_; }
  /// Lengths of the array's dimensions, as stored.
  std::vector<Index> shape() const {
    return shape_.empty() ? std::vector<Index>{n_rows_, n_columns_} : shape_;
  }
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  /// "faithful.csv (csv, 272 x 2, f8)"
  std::string describe() const;
  /// The columns to take where nobody chooses; empty: all.
  const std::vector<int>& usual_columns() const { return usual_columns_; }
  const std::string& name() const { return name_; }
  const std::vector<Notice>& notices() const { return notices_; }
  /// For messages: "row 3", "row 3 (line 5)". It may read the file.
  virtual std::string row_text(Index row);
  /// For messages: "column 2 'height'", or "column 2" where there are no names.
  virtual std::string column_text(int column) const;
  const std::string& format() const { return format_; }  ///< "csv", "HDF5", ...

  /// Other columns than these are not looked at: text need not hold numbers there, and `read` may give
  /// anything. To be called before the first read.
  virtual void look_at(const std::vector<int>& columns) { static_cast<void>(columns); }

  /// Rows [first, first + count) into `out`, row-major, count * n_columns() values. The float
  /// version may be called only where element() is f4.
  /// NaN is a missing value, in text an empty field or a code such as NA.
  /// Throws Error 74 (I/O), 65 (a csv field that is not a number, naming row and column).
  virtual void read(Index first, Index count, double* out) = 0;
  virtual void read(Index first, Index count, float* out) = 0;
  /// The same, where stored() is a type of integers.
  virtual void read(Index first, Index count, std::int64_t* out);

  const Storage& storage() const { return storage_; }
  /// From now on rows are read in many small pieces, one behind the other: chunks are kept from one to the
  /// next, in storage().streaming_bytes.
  virtual void begin_streaming() {}
  /// Thread-safe. Whether the file may have been written to since it was opened: its size or times differ.
  virtual bool is_touched() const { return false; }

 protected:
  Index n_rows_ = 0;
  int n_columns_ = 0;
  ElementType element_ = ElementType::f8;
  OutputColumn::Type stored_ = OutputColumn::Type::f8;
  std::vector<Index> shape_;  ///< empty: of a table
  std::vector<int> usual_columns_;
  Storage storage_;
  std::string format_, name_;
  std::vector<std::string> feature_names_;
  std::vector<Notice> notices_;
};

}  // namespace gmmpi
