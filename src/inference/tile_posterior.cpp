// TilePosterior.
#include "inference/tile_posterior.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

TilePosterior::TilePosterior(const Mixture& mixture, const LogDensity& density, const KernelTable& kernels)
    : density_(density),
      kernels_(kernels),
      scratch_(density.scratch_size()),
      responsibilities_(std::size_t(density.n_shares()) * kTile),
      log_density_(kTile),
      ones_(kTile, 1.0),
      labels_(kTile),
      squared_(kTile) {
  GMMPI_EXPECT(density.n_components() == mixture.n_components);
  if (mixture.label_rule == LabelRule::nearest) nearest_.emplace(mixture, kernels);
}

void TilePosterior::evaluate(const Tile& tile) {
  const int K = density_.n_components(), n = density_.n_shares();
  std::vector<double>& joint = responsibilities_;
  density_.log_shares(tile, scratch_.data(), joint.data());
  // Labels come from the log joint, where components still differ that are both 0 as responsibilities.
  std::vector<double>& largest = log_density_;
  std::copy_n(joint.begin(), kTile, largest.begin());
  std::ranges::fill(labels_, 0);
  for (int k = 1; k < n; ++k)
    for (int r = 0; r < kTile; ++r) {
      const double value = joint[std::size_t(k) * kTile + r];
      if (!(value > largest[r])) continue;
      largest[r] = value;
      labels_[r] = k < K ? k : kNoise;
    }
  kernels_.responsibilities(n, ones_.data(), kEveryLogShare, joint.data(), log_density_.data());
  if (nearest_) take_nearest(tile);
}

void TilePosterior::take_nearest(const Tile& tile) {
  nearest_->assign(tile, ones_.data(), responsibilities_.data(), squared_.data());
  for (int k = 0; k < density_.n_components(); ++k)
    for (int r = 0; r < kTile; ++r)
      if (responsibility(k, r) > 0.0) labels_[r] = k;
}

}  // namespace gmmpi
