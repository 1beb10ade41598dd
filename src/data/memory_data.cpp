// MemoryData: reading, checking and handing out blocks.
#include "gmmpi/data/memory_data.hpp"

#include <cmath>
#include <limits>

#include "data/summary.hpp"
#include "gmmpi/error.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

template <class T>
bool finite(T value) {
  return std::abs(value) <= std::numeric_limits<T>::max();
}

void check_stop(const Execution& execution) {
  if (execution.stop && execution.stop->requested())
    throw Error(ExitCode::stopped_early, execution.stop->reason());
}

/// Reads in pieces that keep a reader's own buffers small.
template <class T>
void read_in_pieces(const Execution& execution, DataReader& reader, Index first, Index count, int d, T* out) {
  const Index piece = std::max<Index>(1, (Index{1} << 22) / d);
  for (Index done = 0; done < count; done += piece) {
    check_stop(execution);
    reader.read(first + done, std::min(piece, count - done), out + done * d);
  }
}

[[noreturn]] void throw_bad_value(const std::string& name, Index row, int column, double value) {
  throw Error(ExitCode::bad_data, name + ": row " + std::to_string(row) + ", column " +
                                      std::to_string(column) + " is " +
                                      (std::isnan(value) ? "NaN" : "infinite") +
                                      "; remove or impute such rows (or give them sample weight 0)");
}

}  // namespace

MemoryData::MemoryData(const Execution& execution, DataReader& rows, DataReader* weights)
    : element_(rows.element()) {
  const Communicator& comm = execution.comm;
  grid_ = BlockGrid(rows.n_rows());
  n_columns_ = rows.n_columns();
  first_block_ = grid_.first_block(comm.rank(), comm.size());
  last_block_ = grid_.first_block(comm.rank() + 1, comm.size());
  comm.together([&] {
    read(execution, rows, weights);
    check_finite(execution, rows.name());
  });
  summary_ = summarise(execution, *this, rows.name(), weights ? weights->name() : "");
}

void MemoryData::read(const Execution& execution, DataReader& rows, DataReader* weights) {
  const Index first = grid_.first_row(first_block_), count = grid_.first_row(last_block_) - first;
  const auto size = static_cast<std::size_t>(count) * n_columns_;
  if (element_ == ElementType::f4) {
    floats_ = std::make_unique_for_overwrite<float[]>(size);
    read_in_pieces(execution, rows, first, count, n_columns_, floats_.get());
  } else {
    doubles_ = std::make_unique_for_overwrite<double[]>(size);
    read_in_pieces(execution, rows, first, count, n_columns_, doubles_.get());
  }
  if (!weights) return;
  if (weights->n_rows() != grid_.n_rows())
    throw Error(ExitCode::bad_data, weights->name() + ": " + std::to_string(weights->n_rows()) +
                                        " sample weights for " + std::to_string(grid_.n_rows()) +
                                        " rows; give one weight per row");
  weights_.resize(count);
  read_in_pieces(execution, *weights, first, count, 1, weights_.data());
  for (Index i = 0; i < count; ++i)
    if (!(weights_[i] >= 0.0) || !finite(weights_[i]))
      throw Error(ExitCode::bad_data, weights->name() + ": the weight of row " + std::to_string(first + i) +
                                          " is " +
                                          (std::isnan(weights_[i]) ? "NaN"
                                           : weights_[i] < 0       ? "negative"
                                                                   : "infinite") +
                                          "; sample weights must be finite and not negative");
}

void MemoryData::check_finite(const Execution& execution, const std::string& name) const {
  for_each_block(execution, [&](const Block& block, int) {
    std::visit(
        [&](const auto* rows) {
          for (int r = 0; r < block.n_rows; ++r) {
            if (block.weights && block.weights[r] == 0.0) continue;
            for (int j = 0; j < n_columns_; ++j)
              if (const auto value = rows[Index{r} * n_columns_ + j]; !finite(value))
                throw_bad_value(name, block.first_row + r, j, static_cast<double>(value));
          }
        },
        block.rows);
  });
}

Block MemoryData::block(Index index) const {
  Block b;
  b.index = index;
  b.first_row = grid_.first_row(index);
  b.n_rows = static_cast<int>(grid_.rows_in(index));
  const Index local = b.first_row - grid_.first_row(first_block_);
  if (element_ == ElementType::f4)
    b.rows = static_cast<const float*>(floats_.get() + local * n_columns_);
  else
    b.rows = static_cast<const double*>(doubles_.get() + local * n_columns_);
  if (!weights_.empty()) b.weights = weights_.data() + local;
  return b;
}

void MemoryData::for_each_block(const Execution& execution,
                                const std::function<void(const Block&, int)>& work) const {
  check_stop(execution);  // also where there are no blocks
  for_each_index(first_block_, last_block_, execution.n_threads, [&](Index index, int thread) {
    if (execution.stop && execution.stop->requested())
      throw Error(ExitCode::stopped_early, execution.stop->reason());
    work(block(index), thread);
  });
}

std::vector<double> MemoryData::row(Index global_row) const {
  const Block b = block(global_row / grid_.block_rows());
  const Index offset = (global_row - b.first_row) * n_columns_;
  return std::visit(
      [&](const auto* rows) { return std::vector<double>(rows + offset, rows + offset + n_columns_); },
      b.rows);
}

std::int64_t MemoryData::bytes(const BlockGrid& grid, int n_columns, ElementType element, bool weighted,
                               int n_ranks) {
  const std::int64_t rows = grid.first_row_of_rank(1, n_ranks);
  return rows * (std::int64_t{n_columns} * (element == ElementType::f4 ? 4 : 8) + (weighted ? 8 : 0));
}

}  // namespace gmmpi
