// The rows of a block: through an assignment into the block's sums, tile by tile.
#pragma once

#include <span>
#include <vector>

#include "em/sweep.hpp"
#include "gmmpi/parallel/profile.hpp"

namespace gmmpi {

/// Tiles that are worked on together, and what an assignment makes of them. One thread's.
class TileShares {
 public:
  /// Of blocks of at most `block_rows` rows.
  TileShares(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values);

  /// Loads tiles of the block from row `offset` on, which moves to the next, and assigns them; adds the
  /// weighted values to `lanes` (n_values x kRowLanes). Returns the tiles.
  std::span<const Tile> next(const Block& block, int& offset, const Assignment& assignment,
                             std::span<double> lanes);
  /// Per tile K x kTile: responsibility times weight, or what weighs the moments.
  const double* gamma() const { return gamma_.data(); }
  const double* own() const { return own_.data(); }  ///< per tile n_own x K x kTile
  std::span<const TileRows> rows() const { return rows_; }
  int n_columns() const { return d_; }

  static std::int64_t bytes(const MomentLayout& layout, Index block_rows);

 private:
  void weigh(std::span<const Tile> loaded, const Assignment& assignment);

  int K_, d_, n_own_, n_values_;
  const KernelTable& kernels_;
  std::vector<Tile> tiles_;
  std::vector<TileRows> rows_;
  AlignedDoubles gamma_, own_, value_, scratch_;
};

/// One thread's work on block after block.
class BlockWork {
 public:
  BlockWork(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values)
      : K_(layout.K), kernels_(kernels), shares_(layout, block_rows, kernels, n_values), sums_(layout) {}

  /// The sums of all rows of the block, in the layout's order, about `centers` (K x padded(d)); valid up to
  /// the next call. Adds the weighted values to `lanes` (n_values x kRowLanes).
  const std::vector<double>& sum(const Block& block, const Assignment& assignment, const double* centers,
                                 std::span<double> lanes, Profile::Seconds& seconds);

  static std::int64_t bytes(const MomentLayout& layout, Index block_rows) {
    return BlockSums::bytes(layout) + TileShares::bytes(layout, block_rows);
  }

 private:
  ReadAhead rows_after(const Block& block, int offset, std::size_t n_now) const;

  int K_;
  const KernelTable& kernels_;
  TileShares shares_;
  BlockSums sums_;
};

}  // namespace gmmpi
