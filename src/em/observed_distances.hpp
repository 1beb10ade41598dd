// Squared distances of rows to centres over the columns that the rows have.
#pragma once

#include <vector>

#include "data/tile.hpp"

namespace gmmpi {

/// One thread's distances to centres; a missing value is at no distance from any.
class ObservedDistances {
 public:
  ObservedDistances(int n_columns, bool has_gaps, const KernelTable& kernels)
      : d_(n_columns), kernels_(kernels), filled_(has_gaps ? std::size_t(n_columns) * kTile : 0) {}
  /// out (n x kTile): to `n` centres (n, d). Of complete rows the same bits as the kernel's.
  void compute(const Tile& tile, int n, const double* centers, double* out);

 private:
  int d_;
  const KernelTable& kernels_;
  AlignedDoubles filled_;  ///< the tile with a centre in its gaps; empty: there are none
};

}  // namespace gmmpi
