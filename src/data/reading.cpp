// BlockBuffer, read_weights.
#include "data/reading.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

/// Reads in pieces that keep a reader's own buffers small, and end where chunks end.
template <class T>
void read_in_pieces(DataReader& reader, Index first, Index count, T* out, const StopRequest* stop) {
  constexpr Index values = Index{1} << 22;
  const Index d = reader.n_columns(), together = reader.storage().rows_together;
  const Index piece = (values / d / together + 1) * together, end = first + count;
  for (Index row = first, next = 0; row < end; row = next) {
    check_stop(stop);
    next = std::min((row / piece + 1) * piece, end);
    reader.read(row, next - row, out + (row - first) * d);
  }
}

}  // namespace

void check_stop(const StopRequest* stop) {
  if (stop && stop->requested()) throw Error(ExitCode::stopped_early, stop->reason());
}

BlockBuffer::BlockBuffer(const BlockGrid& grid, int n_columns, ElementType element, Index most_blocks)
    : grid_(grid),
      n_columns_(n_columns),
      most_blocks_(most_blocks),
      block_bytes_(grid.block_rows() * n_columns * (element == ElementType::f4 ? 4 : 8)) {
  const auto size = static_cast<std::size_t>(most_blocks * grid.block_rows()) * n_columns;
  if (element == ElementType::f4)
    floats_ = std::make_unique_for_overwrite<float[]>(size);
  else
    doubles_ = std::make_unique_for_overwrite<double[]>(size);
}

void BlockBuffer::place(int n_threads) {
  constexpr Index page = 4096;
  char* bytes = floats_ ? reinterpret_cast<char*>(floats_.get()) : reinterpret_cast<char*>(doubles_.get());
  for_each_index(0, most_blocks_, n_threads, [&](Index block, int) {
    for (Index at = block * block_bytes_; at < (block + 1) * block_bytes_; at += page) bytes[at] = 0;
  });
}

void BlockBuffer::read(DataReader& rows, Index first, Index last, const StopRequest* stop) {
  first_ = last_ = 0;  // what is there is lost, should the reading fail
  const Index row = grid_.first_row(first), count = grid_.first_row(last) - row;
  if (floats_)
    read_in_pieces(rows, row, count, floats_.get(), stop);
  else
    read_in_pieces(rows, row, count, doubles_.get(), stop);
  first_ = first;
  last_ = last;
}

Block BlockBuffer::block(Index index) const {
  Block b;
  b.index = index;
  b.first_row = grid_.first_row(index);
  b.n_rows = static_cast<int>(grid_.rows_in(index));
  const Index offset = (b.first_row - grid_.first_row(first_)) * n_columns_;
  if (floats_)
    b.rows = static_cast<const float*>(floats_.get() + offset);
  else
    b.rows = static_cast<const double*>(doubles_.get() + offset);
  return b;
}

std::vector<double> read_weights(DataReader& weights, Index n_rows, Index first, Index count,
                                 const StopRequest* stop) {
  if (weights.n_rows() != n_rows)
    throw Error(ExitCode::bad_data, weights.name() + ": " + std::to_string(weights.n_rows()) +
                                        " sample weights for " + std::to_string(n_rows) +
                                        " rows; give one weight per row");
  std::vector<double> values(static_cast<std::size_t>(count));
  read_in_pieces(weights, first, count, values.data(), stop);
  for (Index i = 0; i < count; ++i) {
    const double w = values[static_cast<std::size_t>(i)];
    if (w >= 0.0 && w <= std::numeric_limits<double>::max()) continue;
    throw Error(ExitCode::bad_data, weights.name() + ": the weight of row " + std::to_string(first + i) +
                                        " is " +
                                        (std::isnan(w) ? "NaN"
                                         : w < 0       ? "negative"
                                                       : "infinite") +
                                        "; sample weights must be finite and not negative");
  }
  return values;
}

std::vector<double> row_of(const Block& block, Index global_row, int n_columns) {
  const Index offset = (global_row - block.first_row) * n_columns;
  return std::visit(
      [&](const auto* rows) { return std::vector<double>(rows + offset, rows + offset + n_columns); },
      block.rows);
}

}  // namespace gmmpi
