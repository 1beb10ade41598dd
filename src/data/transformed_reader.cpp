// TransformedReader: piece by piece through a buffer.
#include "gmmpi/data/transformed_reader.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr Index kPieceValues = Index{1} << 16, kLeastPieceRows = 64;

std::string columns(Index n) {
  return std::to_string(n) + (n == 1 ? " column" : " columns");
}

/// `x`: rows of `rows` from first_row on.
void require_finite(std::span<const double> x, Index first_row, DataReader& rows) {
  const auto bad = std::ranges::find_if(x, [](double value) { return !std::isfinite(value); });
  if (bad == x.end()) return;
  const Index at = bad - x.begin(), d = rows.n_columns();
  throw Error(ExitCode::bad_data, rows.name() + ": " + rows.row_text(first_row + at / d) + ", " +
                                      rows.column_text(static_cast<int>(at % d)) + " is " +
                                      (std::isfinite(*bad) || !std::isnan(*bad) ? "infinite"
                                       : rows.storage().is_text                 ? "missing"
                                                                                : "NaN") +
                                      "; remove or impute such rows");
}

}  // namespace

TransformedReader::TransformedReader(std::unique_ptr<DataReader> rows, Transform transform,
                                     Direction direction, bool any_numbers, const std::string& maker)
    : rows_(std::move(rows)),
      transform_(std::move(transform)),
      direction_(direction),
      any_numbers_(any_numbers) {
  const bool forward = direction_ == Direction::apply;
  const int wanted = forward ? transform_.n_inputs() : transform_.n_outputs();
  name_ = rows_->name();
  if (rows_->n_columns() != wanted)
    throw Error(ExitCode::bad_data, name_ + ": " + columns(rows_->n_columns()) + ", but " + maker +
                                        " is for " + columns(wanted) + ": give data with " +
                                        (forward ? "the columns that it was made from"
                                                 : "what gmmpi transform has made with it"));
  n_rows_ = rows_->n_rows();
  n_columns_ = forward ? transform_.n_outputs() : transform_.n_inputs();
  element_ = ElementType::f8;
  format_ = transform_.components.empty() ? "standardised" : "principal components";
  if (!forward) format_ += ", mapped back";
  if (transform_.components.empty()) feature_names_ = rows_->feature_names();
  take_storage();
}

void TransformedReader::take_storage() {
  storage_ = rows_->storage();
  const std::int64_t buffer = 8 * (piece_rows() * rows_->n_columns() + 2 * std::ssize(transform_.components));
  storage_.reading_bytes += buffer;
  storage_.streaming_bytes += buffer;
}

Index TransformedReader::piece_rows() const {
  const Index together = storage_.rows_together;
  return (std::max(kPieceValues / rows_->n_columns(), kLeastPieceRows) / together + 1) * together;
}

std::string TransformedReader::column_text(int column) const {
  return transform_.components.empty() ? rows_->column_text(column) : DataReader::column_text(column);
}

void TransformedReader::begin_streaming() {
  rows_->begin_streaming();
}

void TransformedReader::read(Index first, Index count, double* out) {
  const Index d = rows_->n_columns(), m = n_columns_, piece = piece_rows(), end = first + count;
  std::vector<double> buffer(static_cast<std::size_t>(std::min(piece, count) * d));
  for (Index row = first, next = 0; row < end; row = next) {
    next = std::min((row / piece + 1) * piece, end);
    const std::span x(buffer.data(), static_cast<std::size_t>((next - row) * d));
    const std::span y(out + (row - first) * m, static_cast<std::size_t>((next - row) * m));
    rows_->read(row, next - row, x.data());
    if (!any_numbers_) require_finite(x, row, *rows_);
    if (direction_ == Direction::apply)
      transform_.apply(x, y);
    else
      transform_.invert(x, y);
  }
}

void TransformedReader::read(Index, Index, float*) {
  throw std::logic_error("transformed rows are doubles");
}

}  // namespace gmmpi
