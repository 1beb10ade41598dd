// The block grid: every row in one block, every block with one rank.
#include <catch2/catch.hpp>

#include "gmmpi/data/block_grid.hpp"

using gmmpi::BlockGrid;
using gmmpi::Index;

TEST_CASE("BlockGrid: blocks follow each other and hold every row once", "[serial]") {
  for (const Index n : {1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 8191, 8192, 100000, 131072, 1000003}) {
    INFO(n << " rows");
    const BlockGrid grid(n);
    Index row = 0;
    for (Index b = 0; b < grid.n_blocks(); ++b) {
      CHECK(grid.first_row(b) == row);
      CHECK(grid.rows_in(b) > 0);
      CHECK(grid.rows_in(b) <= grid.block_rows());
      row += grid.rows_in(b);
    }
    CHECK(row == n);
    CHECK(grid.first_row(grid.n_blocks()) == n);
  }
}

TEST_CASE("BlockGrid: blocks are whole tiles, at most 2048 rows, and enough of them", "[serial]") {
  for (Index n = 1; n < 3000000; n = n * 5 / 4 + 1) {
    const BlockGrid grid(n);
    CHECK(grid.block_rows() % gmmpi::kTileRows == 0);
    CHECK(grid.block_rows() <= 2048);
    CHECK(grid.n_blocks() >= std::min<Index>(n / 64, 64));
  }
}

TEST_CASE("BlockGrid: for 1 to 20 ranks every block has one owner, and shares differ by one at most",
          "[serial]") {
  for (const Index n : {1, 64, 65, 640, 5000, 300000}) {
    const BlockGrid grid(n);
    for (int size = 1; size <= 20; ++size) {
      INFO(n << " rows, " << size << " ranks");
      CHECK(grid.first_block(0, size) == 0);
      CHECK(grid.first_block(size, size) == grid.n_blocks());
      Index least = grid.n_blocks(), most = 0;
      for (int rank = 0; rank < size; ++rank) {
        const Index own = grid.first_block(rank + 1, size) - grid.first_block(rank, size);
        least = std::min(least, own);
        most = std::max(most, own);
      }
      CHECK(least >= 0);  // 0: more ranks than blocks
      CHECK(most - least <= 1);
      CHECK(grid.first_row_of_rank(size, size) == n);
    }
  }
}
