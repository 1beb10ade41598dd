// ColumnReader: piece by piece through a buffer.
#include "gmmpi/data/column_reader.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

ColumnReader::ColumnReader(std::unique_ptr<DataReader> rows, std::vector<int> columns,
                           const std::string& name)
    : rows_(std::move(rows)), columns_(std::move(columns)) {
  rows_->look_at(columns_);
  name_ = name.empty() ? rows_->name() : name;
  notices_ = rows_->notices();
  format_ = rows_->format();
  n_rows_ = rows_->n_rows();
  n_columns_ = static_cast<int>(columns_.size());
  element_ = rows_->element();
  stored_ = rows_->stored();
  for (const int j : columns_) GMMPI_EXPECT(j >= 0 && j < rows_->n_columns());
  for (const int j : columns_)
    if (!rows_->feature_names().empty()) feature_names_.push_back(rows_->feature_names()[j]);
  storage_ = rows_->storage();
  const std::int64_t buffer = 8 * piece_rows() * rows_->n_columns();
  storage_.reading_bytes += buffer;
  storage_.streaming_bytes += buffer;
}

Index ColumnReader::piece_rows() const {
  constexpr Index values = Index{1} << 16, least_rows = 64;
  const Index together = storage_.rows_together;
  return (std::max(values / rows_->n_columns(), least_rows) / together + 1) * together;
}

template <class T>
void ColumnReader::read_in_pieces(Index first, Index count, T* out) {
  const Index d = rows_->n_columns(), piece = piece_rows(), end = first + count;
  std::vector<T> buffer(static_cast<std::size_t>(std::min(piece, count) * d));
  for (Index row = first, next = 0; row < end; row = next) {
    next = std::min((row / piece + 1) * piece, end);
    rows_->read(row, next - row, buffer.data());
    for (Index r = 0; r < next - row; ++r)
      for (const int j : columns_) *out++ = buffer[static_cast<std::size_t>(r * d + j)];
  }
}

void ColumnReader::read(Index first, Index count, double* out) {
  read_in_pieces(first, count, out);
}

void ColumnReader::read(Index first, Index count, float* out) {
  read_in_pieces(first, count, out);
}

void ColumnReader::read(Index first, Index count, std::int64_t* out) {
  read_in_pieces(first, count, out);
}

}  // namespace gmmpi
