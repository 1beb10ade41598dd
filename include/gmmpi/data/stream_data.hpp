// This rank's rows read from the file in every sweep; as many as fit are held in memory.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_format.hpp"

namespace gmmpi {

class BlockBuffer;

/// Hands out the same blocks as MemoryData does, in another order, so that every result has the same bits. A
/// thread reads ahead of those that work. When the file has been touched, each block that is read again must
/// have the numbers that it had at first: a file that changes meanwhile is Error 74.
class StreamData final : public Data {
 public:
  /// What a rank keeps in memory of its rows.
  struct Plan {
    Index held_blocks = 0;  ///< its first blocks, read once
    Index buffer_blocks = 0;
    int n_buffers = 0;
    std::int64_t held_bytes = 0, buffer_bytes = 0;  ///< of one buffer
  };
  /// For a rank of `n_blocks` blocks, `bytes` (at least least_bytes) for held rows and buffers, and
  /// `n_threads` threads. No buffers where all blocks are held.
  static Plan plan(const BlockGrid& grid, const RowFormat& format, Index n_blocks, std::int64_t bytes,
                   int n_threads);
  /// What two buffers of one block need.
  static std::int64_t least_bytes(const BlockGrid& grid, const RowFormat& format);

  /// Collective. As MemoryData, with the same errors; also 71 if `bytes` are fewer than least_bytes. Keeps to
  /// `bytes` for the rows, besides 8 bytes a row for `weights`, a hash for each block, and the reader's
  /// streaming_bytes. `rows` and `errors` must outlive this and be used by nobody else.
  StreamData(const Execution& execution, DataReader& rows, DataReader* weights, std::int64_t bytes,
             Missing missing = Missing::error, DataReader* errors = nullptr);
  ~StreamData() override;

  /// Also throws Errors of reading: 74.
  void for_each_block(const Execution& execution,
                      const std::function<void(const Block&, int thread)>& work) const override {
    for_chosen_blocks(execution, {}, work);
  }
  void for_chosen_blocks(const Execution& execution, BlockChoice choice,
                         const std::function<void(const Block&, int thread)>& work) const override;
  std::vector<double> row(Index global_row) const override;
  double weight(Index global_row) const override {
    return weights_.empty() ? 1.0 : weights_[global_row - grid_.first_row(first_block_)];
  }

 private:
  void check_unchanged(const Block& block) const;

  RowReaders readers_;
  Plan plan_;
  Index held_end_ = 0;
  std::vector<double> weights_;
  std::unique_ptr<BlockBuffer> held_;
  /// Filled and emptied by every pass; between two, `row` reads into the first.
  mutable std::vector<BlockBuffer> buffers_;
  mutable std::atomic<bool> in_use_ = false;       ///< buffers and reader: by one pass, or row, at a time
  mutable std::vector<std::uint64_t> first_hash_;  ///< of each block that is not held; 0: not read yet
};

}  // namespace gmmpi
