// The sums of one block of rows: what the scatter kernels add to, and the plain layout it is read in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/kernels/scatter_shape.hpp"
#include "kernels/read_ahead.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

/// Sum of kRowLanes lanes in a fixed order.
double fold_lanes(const double* lane);

/// A tile's rows in both layouts: row-major (kTile x padded(d)) and transposed (d x kTile).
struct TileRows {
  const double* x;
  const double* xt;
};

/// Sums over the rows of one block, of one thread, in the layout that suits the kernels:
/// counts: (1 + n_own) K x 8 lanes, those of the moments' weights first; s1: K x (8 d lanes for few columns,
/// else padded(d)); s2, few columns: per scatter 8 lanes for each entry; else diagonal padded(d), and full:
/// for each group of eight rows i..i+7 the columns from i to padded(d).
class BlockSums {
 public:
  explicit BlockSums(const MomentLayout& layout);

  void clear();
  /// Adds tiles: `gamma` per tile K x kTile, `own` per tile n_own x K x kTile, `centers` K x padded(d). For
  /// more than kSmallColumns columns the rows that count are gathered, component by component. `ahead` is
  /// fetched meanwhile, in K times tiles.size() pieces.
  void add(const KernelTable& kernels, std::span<const TileRows> tiles, const double* gamma,
           const double* centers, ReadAhead ahead = {}, const double* own = nullptr);
  /// The counts alone.
  void add_counts(const KernelTable& kernels, std::size_t n_tiles, const double* gamma, const double* own);
  /// Adds moments of component k alone: of n <= kGathered rows, of which `differences` (kGathered x
  /// padded(d)) are those from its centre, with weights `gamma` (kGathered). Rows from n on are overwritten.
  void add_differences(const KernelTable& kernels, int k, int n, double* differences, double* gamma);
  /// The sums in MomentLayout's order.
  const std::vector<double>& collect();

  /// Bytes one thread needs for such sums.
  static std::int64_t bytes(const MomentLayout& layout);

 private:
  void add_small(const KernelTable& kernels, const TileRows& tile, const double* gamma, const double* center,
                 int k);
  void add_gathered(const KernelTable& kernels, void (*accumulate)(const RowsTask&),
                    std::span<const TileRows> tiles, const double* gamma, const double* center, int k,
                    ReadAhead& ahead);
  void add_small_differences(const KernelTable& kernels, int k, int n, const double* differences,
                             const double* gamma);
  double* first_sum(int k) { return s1_.data() + k * s1_stride_; }
  double* second_sum(int k) { return s2_.data() + (layout_.is_pooled() ? 0 : k * s2_stride_); }

  MomentLayout layout_;
  std::int64_t s1_stride_, s2_stride_;
  AlignedDoubles counts_, s1_, s2_, scratch_;
  AlignedDoubles zero_;  ///< padded(d)
  std::vector<double> plain_;
};

}  // namespace gmmpi
