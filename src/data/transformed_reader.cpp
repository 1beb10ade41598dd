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

void require_finite(std::span<const double> x, Index first_row, Index d, const std::string& name) {
  const auto bad = std::ranges::find_if(x, [](double value) { return !std::isfinite(value); });
  if (bad == x.end()) return;
  const Index at = bad - x.begin();
  throw Error(ExitCode::bad_data,
              name + ": row " + std::to_string(first_row + at / d) + ", column " + std::to_string(at % d) +
                  " is " + (std::isnan(*bad) ? "NaN" : "infinite") + "; remove or impute such rows");
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
    if (!any_numbers_) require_finite(x, row, d, name_);
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
