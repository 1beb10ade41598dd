// StreamData: what is held, what is read again, and that it stays the same.
#include "gmmpi/data/stream_data.hpp"

#include <xxhash.h>

#include <algorithm>

#include "data/block_stream.hpp"
#include "data/reading.hpp"
#include "data/row_errors.hpp"
#include "data/summary.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

/// A buffer of this size is read at the speed of the file, and is still in the processor's cache when it is
/// worked on.
constexpr std::int64_t kBufferBytes = std::int64_t{1} << 20;

/// While it lives nobody else may use the buffers: waiting could be for ever.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& in_use) : in_use_(in_use) {
    if (in_use_.exchange(true))
      throw Error(ExitCode::internal, "internal error: a row or a pass over streamed data within a pass");
  }
  ~Turn() { in_use_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>& in_use_;
};

std::uint64_t hash_of(const std::variant<const float*, const double*>& numbers, Index count,
                      std::uint64_t seed) {
  return std::visit(
      [&](const auto* first) {
        return XXH3_64bits_withSeed(first, sizeof(*first) * static_cast<std::size_t>(count), seed);
      },
      numbers);
}

}  // namespace

StreamData::Plan StreamData::plan(const BlockGrid& grid, const RowFormat& format, Index n_blocks,
                                  std::int64_t bytes, int n_threads) {
  const std::int64_t block = grid.block_rows() * format.bytes();
  const Index room = bytes / block;  // blocks
  Plan p;
  if (n_blocks <= room) {
    p.held_blocks = n_blocks;
    p.held_bytes = n_blocks * block;
    return p;
  }
  p.buffer_blocks = std::max<Index>(1, kBufferBytes / block);
  // One is filled, one is full, and every thread works on a block of others.
  const auto wanted = [&] { return 2 + (2 * n_threads + p.buffer_blocks - 1) / p.buffer_blocks; };
  while (p.buffer_blocks > 1 && wanted() * p.buffer_blocks > room / 4) p.buffer_blocks /= 2;
  p.n_buffers = static_cast<int>(std::min<Index>(wanted(), room / p.buffer_blocks));
  p.buffer_bytes = p.buffer_blocks * block;
  p.held_blocks = room - p.n_buffers * p.buffer_blocks;
  p.held_bytes = p.held_blocks * block;
  return p;
}

std::int64_t StreamData::least_bytes(const BlockGrid& grid, const RowFormat& format) {
  return 2 * grid.block_rows() * format.bytes();
}

StreamData::StreamData(const Execution& execution, DataReader& rows, DataReader* weights, std::int64_t bytes,
                       Missing missing, DataReader* errors)
    : readers_{rows, errors} {
  const Communicator& comm = execution.comm;
  grid_ = BlockGrid(rows.n_rows());
  n_columns_ = rows.n_columns();
  n_errors_ = errors ? errors->n_columns() : 0;
  first_block_ = grid_.first_block(comm.rank(), comm.size());
  last_block_ = grid_.first_block(comm.rank() + 1, comm.size());
  const RowFormat format = readers_.format();
  plan_ = plan(grid_, format, last_block_ - first_block_, bytes, execution.n_threads);
  held_end_ = first_block_ + plan_.held_blocks;
  Index n_left_out = 0;
  comm.together([&] {
    if (held_end_ < last_block_ && plan_.n_buffers < 2)
      throw Error(ExitCode::no_memory, rows.name() + ": two buffers of one block need " +
                                           std::to_string(least_bytes(grid_, format)) +
                                           " bytes; allow as much");
    const Index first = grid_.first_row(first_block_), count = grid_.first_row(last_block_) - first;
    if (weights) weights_ = read_weights(*weights, grid_.n_rows(), first, count, execution.stop);
    rows.begin_streaming();
    if (errors) errors->begin_streaming();
    held_ = std::make_unique<BlockBuffer>(grid_, format, plan_.held_blocks);
    held_->read(readers_, first_block_, held_end_, execution.stop);
    for (int i = 0; i < plan_.n_buffers; ++i) buffers_.emplace_back(grid_, format, plan_.buffer_blocks);
    first_hash_.resize(last_block_ - held_end_);
    if (missing != Missing::error) n_left_out = leave_out_incomplete(execution, *this, missing, weights_);
  });
  summary_ =
      summarise(execution, *this, rows.name(), weights ? weights->name() : "", &rows, missing, n_left_out);
  if (errors) add_errors(execution, *this, *errors, rows, summary_);
}

StreamData::~StreamData() = default;

void StreamData::for_chosen_blocks(const Execution& execution, BlockChoice choice,
                                   const std::function<void(const Block&, int)>& work) const {
  check_stop(execution.stop);  // also where there are no blocks
  const Turn turn(in_use_);
  const Index first_row = grid_.first_row(first_block_);
  BlockStream blocks(
      {readers_, first_block_, held_end_, last_block_, plan_.buffer_blocks, *held_, buffers_, choice},
      execution.stop);
  for_each_index(0, execution.n_threads, execution.n_threads, [&](Index, int thread) {
    while (std::optional<Block> block = blocks.take()) {
      try {
        check_stop(execution.stop);
        check_unchanged(*block);
        if (!weights_.empty()) block->weights = weights_.data() + (block->first_row - first_row);
        work(*block, thread);
      } catch (...) {
        blocks.fail(block->index, std::current_exception());
      }
      blocks.give_back(block->index);
    }
  });
  blocks.rethrow();
}

void StreamData::check_unchanged(const Block& block) const {
  if (block.index < held_end_) return;
  std::uint64_t& first_hash = first_hash_[block.index - held_end_];
  const bool is_touched = readers_.rows.is_touched() || (readers_.errors && readers_.errors->is_touched());
  if (first_hash != 0 && !is_touched) return;
  const Index n = block.n_rows;
  const std::uint64_t of_rows = hash_of(block.rows, n * n_columns_, 0);
  const std::uint64_t hash = hash_of(block.errors, n * block.n_errors, of_rows) | 1;
  if (first_hash == 0) first_hash = hash;
  if (first_hash != hash)
    throw Error(ExitCode::io_failed, readers_.rows.name() + ": rows " + std::to_string(block.first_row) +
                                         " to " + std::to_string(block.first_row + block.n_rows - 1) +
                                         " are not what they were when they were read before: run again when "
                                         "nobody writes the file");
}

std::vector<double> StreamData::row(Index global_row) const {
  GMMPI_EXPECT(global_row >= grid_.first_row(first_block_) && global_row < grid_.first_row(last_block_));
  const Index index = global_row / grid_.block_rows();
  if (index < held_end_) return row_of(held_->block(index), global_row, n_columns_);
  const Turn turn(in_use_);
  auto buffer = std::ranges::find_if(buffers_, [&](const BlockBuffer& b) { return b.holds(index); });
  if (buffer == buffers_.end()) {
    buffer = buffers_.begin();
    buffer->read(readers_, index, index + 1, nullptr);
  }
  const Block block = buffer->block(index);
  check_unchanged(block);
  return row_of(block, global_row, n_columns_);
}

}  // namespace gmmpi
