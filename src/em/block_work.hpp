// The rows of a block: through an assignment into the block's sums, tile by tile.
#pragma once

#include <span>
#include <vector>

#include "em/sweep.hpp"
#include "gmmpi/parallel/profile.hpp"

namespace gmmpi {

/// One thread's work on block after block.
class BlockWork {
 public:
  /// Blocks have at most `block_rows` rows.
  BlockWork(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values);

  /// The sums of all rows of the block, in the layout's order, about `centers` (K x padded(d)); valid up to
  /// the next call. Adds the weighted values to `lanes` (n_values x kRowLanes).
  const std::vector<double>& sum(const Block& block, const Assignment& assignment, const double* centers,
                                 std::span<double> lanes, Profile::Seconds& seconds);

  static std::int64_t bytes(const MomentLayout& layout, Index block_rows);

 private:
  void add_tiles(std::span<const Tile> loaded, const Assignment& assignment, std::span<double> lanes);
  void weigh(std::span<const Tile> loaded, const Assignment& assignment);
  ReadAhead rows_after(const Block& block, int offset, std::size_t n_now) const;

  int K_, d_, n_own_, n_values_;
  const KernelTable& kernels_;
  std::vector<Tile> tiles_;
  std::vector<TileRows> rows_;
  BlockSums sums_;
  AlignedDoubles gamma_, own_, value_, scratch_;
};

}  // namespace gmmpi
