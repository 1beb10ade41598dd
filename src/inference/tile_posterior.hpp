// What a mixture says of the rows of a tile: labels, log densities, responsibilities.
#pragma once

#include <optional>
#include <vector>

#include "inference/nearest_means.hpp"
#include "model/log_density.hpp"

namespace gmmpi {

/// One thread's scratch and results; evaluate() fills them for one tile after the other. Where the mixture's
/// rule is the nearest mean, labels and responsibilities are those of k-means. Sample weights play no part.
/// Rows beyond the tile's end and rows of weight zero get the values of a row of zeros.
class TilePosterior {
 public:
  /// `density` is that of `mixture`.
  TilePosterior(const Mixture& mixture, const LogDensity& density, const KernelTable& kernels);

  void evaluate(const Tile& tile);
  bool is_out_of_reach(int row) const { return log_density_[row] < kOutOfReach; }
  /// Error 65 if that is meaningless for a row, because every component is too far away.
  void require_in_reach(const Tile& tile) const {
    gmmpi::require_in_reach(tile, log_density_.data(), ExitCode::bad_data);
  }

  static constexpr int kNoise = -1;
  /// The most responsible component (nearest mean), the lowest on a tie; kNoise where the noise is.
  int label(int row) const { return labels_[row]; }
  /// ln p(x). Bishop (2006), eq. 9.7.
  double log_density(int row) const { return log_density_[row]; }
  /// p(k | x), for k = K that of the noise. Bishop (2006), eq. 9.23. By the nearest mean: 1 or 0, eq. 9.2.
  double responsibility(int k, int row) const { return responsibilities_[std::size_t(k) * kTile + row]; }

 private:
  void take_nearest(const Tile& tile);

  const LogDensity& density_;
  const KernelTable& kernels_;
  std::vector<double> scratch_, responsibilities_, log_density_, ones_;
  std::vector<int> labels_;
  std::optional<NearestMeans> nearest_;
  std::vector<double> squared_;
};

}  // namespace gmmpi
