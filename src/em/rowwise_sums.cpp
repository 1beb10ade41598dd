// RowwiseSums: rows gathered by component, completed by the kernels.
#include "em/rowwise_sums.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "kernels/scatter.hpp"

namespace gmmpi {

RowwiseSums::RowwiseSums(const MomentLayout& layout, const KernelTable& kernels)
    : layout_(layout),
      kernels_(kernels),
      counts_(std::size_t(layout.K) * kRowLanes),
      xt_(std::size_t(layout.d) * kTile),
      mask_(std::size_t(layout.d) * kTile, 1.0),
      gamma_(kTile),
      s1_(std::size_t(layout.d) * kRowLanes),
      s2_(scatter_size(layout.shape, layout.d) * kRowLanes),
      scratch_(observed_scratch(layout.d)),
      sums_(layout.size()) {
  GMMPI_EXPECT(layout.n_own == 0);
}

void RowwiseSums::clear() {
  std::ranges::fill(counts_, 0.0);
  std::ranges::fill(sums_, 0.0);
}

void RowwiseSums::add(std::span<const Tile> tiles, const double* gamma, const RowwiseDensity& density,
                      const double* centers) {
  const int K = layout_.K;
  for (int k = 0; k < K; ++k) {
    const double* center = centers + std::int64_t{k} * padded(layout_.d);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      const double* of_tile = gamma + (std::int64_t(t) * K + k) * kTile;
      kernels_.sum_rows(of_tile, counts_.data() + std::int64_t{k} * kRowLanes);
      for (int r = 0; r < kTile; ++r) {
        if (of_tile[r] == 0.0) continue;
        gather(tiles[t], r, of_tile[r]);
        if (n_rows_ == kTile) flush(k, density, center);
      }
    }
    if (n_rows_ > 0) flush(k, density, center);
  }
}

/// A row of a tile to the next lane.
void RowwiseSums::gather(const Tile& tile, int row, double gamma) {
  const ObservedRows from = tile.observed();
  const std::size_t d = layout_.d, lane = n_rows_++;
  const std::size_t n = !from.errors ? 0 : from.shape == ErrorShape::variances ? d : d * (d + 1) / 2;
  shape_ = from.shape;
  errors_.resize(n * kTile);
  for (std::size_t j = 0; j < d; ++j) {
    xt_[j * kTile + lane] = from.xt[j * kTile + row];
    mask_[j * kTile + lane] = from.mask ? from.mask[j * kTile + row] : 1.0;
  }
  for (std::size_t e = 0; e < n; ++e) errors_[e * kTile + lane] = from.errors[e * kTile + row];
  gamma_[lane] = gamma;
}

/// The gathered rows, of component k.
void RowwiseSums::flush(int k, const RowwiseDensity& density, const double* center) {
  std::fill(gamma_.begin() + n_rows_, gamma_.end(), 0.0);
  std::ranges::fill(s1_, 0.0);
  std::ranges::fill(s2_, 0.0);
  const ObservedRows rows{
      layout_.d, n_rows_, xt_.data(), mask_.data(), errors_.empty() ? nullptr : errors_.data(), shape_};
  kernels_.add_completions(rows, density.mean(k), density.covariance(k), scratch_.data(),
                           {gamma_.data(), center, s1_.data(), layout_.has_second() ? s2_.data() : nullptr,
                            layout_.is_diagonal()});
  double* first = sums_.data() + layout_.first() + std::int64_t{k} * layout_.d;
  for (int j = 0; j < layout_.d; ++j) first[j] += fold_lanes(s1_.data() + std::int64_t{j} * kRowLanes);
  double* second = sums_.data() + layout_.second() + (layout_.has_second() ? layout_.entry(k, 0, 0) : 0);
  for (std::size_t e = 0; e < s2_.size() / kRowLanes; ++e)
    second[e] += fold_lanes(s2_.data() + e * kRowLanes);
  n_rows_ = 0;
}

std::int64_t RowwiseSums::bytes(const MomentLayout& layout) {
  const std::int64_t entries = layout.d + scatter_size(layout.shape, layout.d);
  return 8 * (kRowLanes * (layout.K + entries) + (2 * layout.d + 1 + layout.d * (layout.d + 1) / 2) * kTile +
              observed_scratch(layout.d) + layout.size());
}

const std::vector<double>& RowwiseSums::collect() {
  for (int k = 0; k < layout_.K; ++k) sums_[k] = fold_lanes(counts_.data() + std::int64_t{k} * kRowLanes);
  return sums_;
}

}  // namespace gmmpi
