// Which mean of a mixture each row of a tile is nearest to: the labels of k-means.
#pragma once

#include <vector>

#include "data/tile.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// One thread's scratch. Distances are Euclidean, of rows and means after the mixture's label_space, bit for
/// bit those by which the k-means engines assign where that is empty.
class NearestMeans {
 public:
  NearestMeans(const Mixture& mixture, const KernelTable& kernels);

  /// assigned (K x kTile) = weights[row] for the nearest mean, the lowest on a tie, else 0; squared (kTile) =
  /// the squared distances to it.
  void assign(const Tile& tile, const double* weights, double* assigned, double* squared);

 private:
  const double* transformed(const Tile& tile);

  const Transform& space_;
  const KernelTable& kernels_;
  int n_means_, n_columns_;      ///< of the rows
  std::vector<double> centers_;  ///< (K, m)
  std::vector<double> x_, y_, yt_;
};

}  // namespace gmmpi
