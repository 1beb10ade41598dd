// What a mixture says of the rows of a tile: labels, log densities, responsibilities.
#pragma once

#include <vector>

#include "model/log_density.hpp"

namespace gmmpi {

/// One thread's scratch and results; evaluate() fills them for one tile after the other. Sample weights play
/// no part. Rows beyond the tile's end and rows of weight zero get the values of a row of zeros.
class TilePosterior {
 public:
  TilePosterior(const LogDensity& density, const KernelTable& kernels);

  void evaluate(const Tile& tile);

  static constexpr int kNoise = -1;
  /// The most responsible component, the lowest on a tie; kNoise where the noise is.
  int label(int row) const { return labels_[row]; }
  /// ln p(x). Bishop (2006), eq. 9.7.
  double log_density(int row) const { return log_density_[row]; }
  /// p(k | x), for k = K that of the noise. Bishop (2006), eq. 9.23.
  double responsibility(int k, int row) const { return responsibilities_[std::size_t(k) * kTile + row]; }

 private:
  const LogDensity& density_;
  const KernelTable& kernels_;
  std::vector<double> scratch_, responsibilities_, log_density_, ones_;
  std::vector<int> labels_;
};

}  // namespace gmmpi
