// Some columns of another table.
#pragma once

#include <memory>
#include <vector>

#include "gmmpi/data/data_reader.hpp"

namespace gmmpi {

/// Holds the table that it reads from, and hands out `columns` of it, in that order; what the others hold
/// does not matter, not even whether text has numbers there. The columns must exist.
class ColumnReader final : public DataReader {
 public:
  /// `name`: for messages; empty: that of the table.
  ColumnReader(std::unique_ptr<DataReader> rows, std::vector<int> columns, const std::string& name = "");

  void read(Index first, Index count, double* out) override;
  void read(Index first, Index count, float* out) override;
  void read(Index first, Index count, std::int64_t* out) override;
  void begin_streaming() override { rows_->begin_streaming(); }
  bool is_touched() const override { return rows_->is_touched(); }
  std::string row_text(Index row) override { return rows_->row_text(row); }
  /// By its number in the table.
  std::string column_text(int column) const override { return rows_->column_text(columns_[column]); }

 private:
  template <class T>
  void read_in_pieces(Index first, Index count, T* out);
  Index piece_rows() const;  ///< that are read at a time

  std::unique_ptr<DataReader> rows_;
  std::vector<int> columns_;
};

}  // namespace gmmpi
