// The global grid of blocks: how N rows are cut, whatever the number of ranks and threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gmmpi {

using Index = std::int64_t;

/// Rows of a tile: what the kernels hold in first-level cache at a time.
inline constexpr int kTileRows = 64;

/// Blocks of `block_rows` consecutive rows (the last one may be shorter). A block is what a rank
/// owns, what a thread works on, and what is rounded into the exact sums; inside a block the order
/// of operations is fixed. It depends on N alone, so the same numbers come out everywhere.
class BlockGrid {
 public:
  BlockGrid() = default;
  explicit BlockGrid(Index n_rows)
      : n_rows_(n_rows),
        block_rows_(std::clamp<Index>(n_rows / 64 / kTileRows * kTileRows, kTileRows, 2048)) {}

  Index n_rows() const { return n_rows_; }
  Index block_rows() const { return block_rows_; }
  Index n_blocks() const { return (n_rows_ + block_rows_ - 1) / block_rows_; }
  Index first_row(Index block) const { return std::min(n_rows_, block * block_rows_); }
  Index rows_in(Index block) const { return first_row(block + 1) - first_row(block); }

  /// First block of `rank` of `size` ranks; rank r owns [first_block(r), first_block(r + 1)).
  Index first_block(int rank, int size) const {
    const Index n = n_blocks();
    return n / size * rank + std::min<Index>(rank, n % size);
  }
  Index first_row_of_rank(int rank, int size) const { return first_row(first_block(rank, size)); }

 private:
  Index n_rows_ = 0;
  Index block_rows_ = kTileRows;
};

}  // namespace gmmpi
