// NearestMeans.
#include "inference/nearest_means.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

NearestMeans::NearestMeans(const Mixture& mixture, const KernelTable& kernels)
    : space_(mixture.label_space),
      kernels_(kernels),
      n_means_(mixture.n_components),
      n_columns_(mixture.n_features),
      centers_(mixture.means) {
  if (space_.empty()) return;
  GMMPI_EXPECT(space_.n_inputs() == n_columns_);
  const std::size_t m = space_.n_outputs();
  centers_.resize(n_means_ * m);
  space_.apply(mixture.means, centers_);
  x_.resize(std::size_t(kTile) * n_columns_);
  y_.resize(kTile * m);
  yt_.resize(kTile * m);
}

void NearestMeans::assign(const Tile& tile, const double* weights, double* assigned, double* squared) {
  const double* xt = space_.empty() ? tile.xt() : transformed(tile);
  const int n_columns = space_.empty() ? n_columns_ : space_.n_outputs();
  kernels_.squared_distances(n_columns, n_means_, xt, centers_.data(), assigned);
  kernels_.assign_nearest(n_means_, weights, assigned, squared);
}

const double* NearestMeans::transformed(const Tile& tile) {
  const std::size_t d = n_columns_, m = space_.n_outputs();
  for (std::size_t r = 0; r < kTile; ++r)
    std::copy_n(tile.x() + r * padded(n_columns_), d, x_.begin() + r * d);
  space_.apply(x_, y_);
  for (std::size_t r = 0; r < kTile; ++r)
    for (std::size_t i = 0; i < m; ++i) yt_[i * kTile + r] = y_[r * m + i];
  return yt_.data();
}

}  // namespace gmmpi
