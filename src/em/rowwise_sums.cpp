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
      few_gaps_(layout.d),
      few_xt_(xt_.size()),
      few_gamma_(kTile),
      complete_(padded(layout.d)),
      s1_(std::size_t(layout.d) * kRowLanes),
      s2_(scatter_size(layout.shape, layout.d) * kRowLanes),
      scratch_(std::max(observed_scratch(layout.d), few_gaps_scratch(layout.d))),
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
  const double least_observed = layout_.d - density.most_missing();
  const auto is_few = [&](const Tile& tile, int r) {
    return !tile.observed().errors && tile.n_observed()[r] >= least_observed;
  };
  for (int k = 0; k < K; ++k) {
    const double* center = centers + std::int64_t{k} * padded(layout_.d);
    const FewGaps* few = density.few_gaps(k);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      const double* of_tile = gamma + (std::int64_t(t) * K + k) * kTile;
      kernels_.sum_rows(of_tile, counts_.data() + std::int64_t{k} * kRowLanes);
      for (int r = 0; r < kTile; ++r) {
        if (of_tile[r] == 0.0) continue;
        if (few && is_few(tiles[t], r)) {
          gather_few_gaps(tiles[t].x() + Index{r} * padded(layout_.d), of_tile[r]);
          if (n_few_ == kTile) flush_few_gaps(k, *few, center);
        } else {
          gather(tiles[t], r, of_tile[r]);
          if (n_rows_ == kTile) flush(k, density, center);
        }
      }
    }
    if (n_few_ > 0) flush_few_gaps(k, *few, center);
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

void RowwiseSums::gather_few_gaps(const double* x, double gamma) {
  few_gaps_.set(n_few_, x);
  few_gamma_[n_few_] = gamma;
  few_rows_[n_few_++] = x;
}

/// The gathered rows, of component k.
void RowwiseSums::flush(int k, const RowwiseDensity& density, const double* center) {
  std::fill(gamma_.begin() + n_rows_, gamma_.end(), 0.0);
  const ObservedRows rows{
      layout_.d, n_rows_, xt_.data(), mask_.data(), errors_.empty() ? nullptr : errors_.data(), shape_};
  kernels_.add_completions(rows, density.mean(k), density.covariance(k), scratch_.data(),
                           lanes(gamma_, center));
  n_rows_ = 0;
  fold(k);
}

void RowwiseSums::flush_few_gaps(int k, const FewGaps& few_gaps, const double* center) {
  const int n = n_few_;
  for (; n_few_ < kTile; ++n_few_) {
    few_gaps_.set_complete(n_few_);
    few_gamma_[n_few_] = 0.0;
    few_rows_[n_few_] = complete_.data();
  }
  kernels_.transpose_rows(layout_.d, few_rows_, kTile, few_xt_.data());
  kernels_.add_few_gaps(few_gaps.task(k, n, few_xt_.data(), few_gaps_), scratch_.data(),
                        lanes(few_gamma_, center));
  n_few_ = 0;
  fold(k);
}

/// What kernels add to: zeros, up to the next fold.
CompletionSums RowwiseSums::lanes(const AlignedDoubles& gamma, const double* center) {
  std::ranges::fill(s1_, 0.0);
  std::ranges::fill(s2_, 0.0);
  return {gamma.data(), center, s1_.data(), layout_.has_second() ? s2_.data() : nullptr,
          layout_.is_diagonal()};
}

void RowwiseSums::fold(int k) {
  double* first = sums_.data() + layout_.first() + std::int64_t{k} * layout_.d;
  for (int j = 0; j < layout_.d; ++j) first[j] += fold_lanes(s1_.data() + std::int64_t{j} * kRowLanes);
  double* second = sums_.data() + layout_.second() + (layout_.has_second() ? layout_.entry(k, 0, 0) : 0);
  for (std::size_t e = 0; e < s2_.size() / kRowLanes; ++e)
    second[e] += fold_lanes(s2_.data() + e * kRowLanes);
}

std::int64_t RowwiseSums::bytes(const MomentLayout& layout) {
  const std::int64_t entries = layout.d + scatter_size(layout.shape, layout.d);
  return 8 * (kRowLanes * (layout.K + entries) +
              (3 * layout.d + 2 + kMostGaps + layout.d * (layout.d + 1) / 2) * kTile +
              std::max(observed_scratch(layout.d), few_gaps_scratch(layout.d)) + layout.size());
}

const std::vector<double>& RowwiseSums::collect() {
  for (int k = 0; k < layout_.K; ++k) sums_[k] = fold_lanes(counts_.data() + std::int64_t{k} * kRowLanes);
  return sums_;
}

}  // namespace gmmpi
