// BlockBuffer, read_weights.
#include "data/reading.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
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

/// Memory of at least `size` bytes, for std::free. The system is asked for large pages where they fit: their
/// faults are fewer, and so are their misses in the processor's table of pages. Throws std::bad_alloc.
char* large_pages(Index size) {
  constexpr std::size_t page = std::size_t{1} << 21;
  const auto wanted = static_cast<std::size_t>(size);
  const std::size_t alignment = wanted < page ? 64 : page;
  void* memory = std::aligned_alloc(alignment, (wanted + alignment - 1) / alignment * alignment);
  if (!memory && wanted > 0) throw std::bad_alloc();
  if (alignment == page) ::madvise(memory, wanted / page * page, MADV_HUGEPAGE);
  return static_cast<char*>(memory);
}

/// Rows [first, first + count) of the reader, in the precision in which they are held.
void read_all(DataReader& reader, Index first, Index count, char* out, const StopRequest* stop) {
  if (reader.element() == ElementType::f4)
    read_in_pieces(reader, first, count, reinterpret_cast<float*>(out), stop);
  else
    read_in_pieces(reader, first, count, reinterpret_cast<double*>(out), stop);
}

/// Numbers that are held so.
std::variant<const float*, const double*> numbers_at(const char* place, ElementType element) {
  if (element == ElementType::f4) return reinterpret_cast<const float*>(place);
  return reinterpret_cast<const double*>(place);
}

}  // namespace

void check_stop(const StopRequest* stop) {
  if (stop && stop->requested()) throw Error(ExitCode::stopped_early, stop->reason());
}

BlockBuffer::BlockBuffer(const BlockGrid& grid, const RowFormat& format, Index most_blocks)
    : grid_(grid),
      format_(format),
      most_blocks_(most_blocks),
      rows_(large_pages(most_blocks * grid.block_rows() * format.row_bytes()), &std::free),
      errors_(large_pages(most_blocks * grid.block_rows() * format.error_bytes()), &std::free) {}

void BlockBuffer::place(int n_threads) {
  constexpr Index page = 4096;
  for_each_index(0, most_blocks_, n_threads, [&](Index block, int) {
    const auto touch = [&](const Memory& memory, Index block_bytes) {
      for (Index at = block * block_bytes; at < (block + 1) * block_bytes; at += page) memory.get()[at] = 0;
    };
    touch(rows_, grid_.block_rows() * format_.row_bytes());
    touch(errors_, grid_.block_rows() * format_.error_bytes());
  });
}

void BlockBuffer::read(const RowReaders& readers, Index first, Index last, const StopRequest* stop) {
  GMMPI_EXPECT(first <= last && last - first <= most_blocks_);
  GMMPI_EXPECT(readers.format().bytes() == format_.bytes());
  first_ = last_ = 0;  // what is there is lost, should the reading fail
  const Index row = grid_.first_row(first), count = grid_.first_row(last) - row;
  read_all(readers.rows, row, count, rows_.get(), stop);
  if (readers.errors) read_all(*readers.errors, row, count, errors_.get(), stop);
  first_ = first;
  last_ = last;
}

Block BlockBuffer::block(Index index) const {
  GMMPI_EXPECT(index >= first_ && index < last_);
  Block b;
  b.index = index;
  b.first_row = grid_.first_row(index);
  b.n_rows = static_cast<int>(grid_.rows_in(index));
  const Index offset = b.first_row - grid_.first_row(first_);
  b.rows = numbers_at(rows_.get() + offset * format_.row_bytes(), format_.element);
  b.errors = numbers_at(errors_.get() + offset * format_.error_bytes(), format_.errors_element);
  b.n_errors = format_.n_errors;
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
  GMMPI_EXPECT(global_row >= block.first_row && global_row < block.first_row + block.n_rows);
  const Index offset = (global_row - block.first_row) * n_columns;
  return std::visit(
      [&](const auto* rows) { return std::vector<double>(rows + offset, rows + offset + n_columns); },
      block.rows);
}

}  // namespace gmmpi
