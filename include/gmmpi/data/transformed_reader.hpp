// Rows of another table, transformed as they are read.
#pragma once

#include <memory>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/data/transform.hpp"

namespace gmmpi {

/// Holds the table that it reads from. Values are f8. `read` as that of any reader, and Error 65, naming row
/// and column, for a number that is not finite: one would spread over the row. With `any_numbers` (rows of
/// weight zero may hold anything) they spread.
class TransformedReader final : public DataReader {
 public:
  enum class Direction { apply, invert };
  /// Error 65 unless the table has as many columns as the direction takes; `maker` names where the transform
  /// is from.
  TransformedReader(std::unique_ptr<DataReader> rows, Transform transform, Direction direction,
                    bool any_numbers, const std::string& maker);

  void read(Index first, Index count, double* out) override;
  /// Not to be called: element() is f8.
  void read(Index first, Index count, float* out) override;
  void begin_streaming() override;
  bool is_touched() const override { return rows_->is_touched(); }
  std::string row_text(Index row) override { return rows_->row_text(row); }
  std::string column_text(int column) const override;

 private:
  void take_storage();
  Index piece_rows() const;  ///< that are read at a time

  std::unique_ptr<DataReader> rows_;
  Transform transform_;
  Direction direction_;
  bool any_numbers_;
};

}  // namespace gmmpi
