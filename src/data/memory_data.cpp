// MemoryData: reading once and handing out blocks.
#include "gmmpi/data/memory_data.hpp"

#include <algorithm>

#include "data/reading.hpp"
#include "data/row_errors.hpp"
#include "data/summary.hpp"
#include "gmmpi/expect.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

MemoryData::MemoryData(const Execution& execution, DataReader& rows, DataReader* weights, Missing missing,
                       DataReader* errors) {
  const RowReaders readers{rows, errors};
  const Communicator& comm = execution.comm;
  grid_ = BlockGrid(rows.n_rows());
  n_columns_ = rows.n_columns();
  n_errors_ = errors ? errors->n_columns() : 0;
  first_block_ = grid_.first_block(comm.rank(), comm.size());
  last_block_ = grid_.first_block(comm.rank() + 1, comm.size());
  Index n_left_out = 0;
  comm.together([&] {
    const Index first = grid_.first_row(first_block_), count = grid_.first_row(last_block_) - first;
    if (weights) weights_ = read_weights(*weights, grid_.n_rows(), first, count, execution.stop);
    rows_ = std::make_unique<BlockBuffer>(grid_, readers.format(), last_block_ - first_block_);
    rows_->place(execution.n_threads);
    rows_->read(readers, first_block_, last_block_, execution.stop);
    if (missing != Missing::error) n_left_out = leave_out_incomplete(execution, *this, missing, weights_);
  });
  summary_ =
      summarise(execution, *this, rows.name(), weights ? weights->name() : "", &rows, missing, n_left_out);
  if (errors) add_errors(execution, *this, *errors, rows, summary_);
}

MemoryData::~MemoryData() = default;

void MemoryData::for_each_block(const Execution& execution,
                                const std::function<void(const Block&, int)>& work) const {
  for_chosen_blocks(execution, {}, work);
}

void MemoryData::for_chosen_blocks(const Execution& execution, BlockChoice choice,
                                   const std::function<void(const Block&, int)>& work) const {
  GMMPI_EXPECT(choice.rest >= 0 && choice.rest < choice.step);
  check_stop(execution.stop);  // also where there are no blocks
  const Index first_row = grid_.first_row(first_block_), first = choice.from(first_block_);
  const Index n = std::max<Index>(last_block_ - first + choice.step - 1, 0) / choice.step;
  for_each_index(0, n, execution.n_threads, [&](Index i, int thread) {
    check_stop(execution.stop);
    Block block = rows_->block(first + i * choice.step);
    if (!weights_.empty()) block.weights = weights_.data() + (block.first_row - first_row);
    work(block, thread);
  });
}

std::vector<double> MemoryData::row(Index global_row) const {
  GMMPI_EXPECT(global_row >= grid_.first_row(first_block_) && global_row < grid_.first_row(last_block_));
  return row_of(rows_->block(global_row / grid_.block_rows()), global_row, n_columns_);
}

std::int64_t MemoryData::bytes(const BlockGrid& grid, const RowFormat& format, bool weighted, int n_ranks) {
  return grid.first_row_of_rank(1, n_ranks) * (format.bytes() + (weighted ? 8 : 0));
}

}  // namespace gmmpi
