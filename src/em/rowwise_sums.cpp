// RowwiseSums: rows gathered by component, completed by the kernels.
#include "em/rowwise_sums.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "kernels/scatter.hpp"

namespace gmmpi {

namespace {

constexpr int kColumnsUnrolled = 8;  ///< up to so many gathering costs about a sixth of what completing does

}  // namespace

RowwiseSums::RowwiseSums(const MomentLayout& layout, const KernelTable& kernels)
    : layout_(layout),
      kernels_(kernels),
      most_idle_(layout.d <= kColumnsUnrolled ? kTile / 6 : 0),
      counts_(std::size_t(layout.K) * kRowLanes),
      gamma_(kGathered + kPad),
      few_gaps_(layout.d),
      few_xt_(std::size_t(layout.d) * kTile),
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
  const bool has_errors = tiles.front().observed().errors != nullptr;
  has_mask_ = !has_errors || std::ranges::any_of(tiles, &Tile::has_gaps);
  for (int k = 0; k < K; ++k) {
    const double* center = centers + std::int64_t{k} * padded(layout_.d);
    const FewGaps* few = has_errors ? nullptr : density.few_gaps(k);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      const double* of_tile = gamma + (std::int64_t(t) * K + k) * kTile;
      const auto n_idle = std::count(of_tile, of_tile + kTile, 0.0);
      if (n_idle == kTile) continue;
      kernels_.sum_rows(of_tile, counts_.data() + std::int64_t{k} * kRowLanes);
      if (few)
        split_and_gather(tiles[t], least_observed, of_tile, *few, k, center);
      else if (n_idle <= most_idle_)
        add_rows(k, tiles[t].observed(), density, of_tile, center);
      else
        gather(tiles[t], of_tile);
      if (n_rows_ >= kTile) flush(k, tiles[t], density, center);
    }
    if (n_few_ > 0) flush_few_gaps(k, *few, center);
    if (n_rows_ > 0) flush(k, tiles.front(), density, center);
  }
}

void RowwiseSums::gather(const Tile& tile, const double* gamma) {
  n_rows_ +=
      kernels_.gather_rows(tile.n_known(), tile.known(), gamma, rows_ + n_rows_, gamma_.data() + n_rows_);
}

/// Rows that lack few columns go their own way.
void RowwiseSums::split_and_gather(const Tile& tile, double least_observed, const double* gamma,
                                   const FewGaps& few_gaps, int k, const double* center) {
  for (int r = 0; r < kTile; ++r) {
    if (gamma[r] == 0.0) continue;
    if (tile.n_observed()[r] >= least_observed) {
      gather_few_gaps(tile.x() + Index{r} * padded(layout_.d), gamma[r]);
      if (n_few_ == kTile) flush_few_gaps(k, few_gaps, center);
    } else {
      rows_[n_rows_] = tile.known() + Index{r} * padded(tile.n_known());
      gamma_[n_rows_++] = gamma[r];
    }
  }
}

void RowwiseSums::gather_few_gaps(const double* x, double gamma) {
  few_gaps_.set(n_few_, x);
  few_gamma_[n_few_] = gamma;
  few_rows_[n_few_++] = x;
}

/// A tile of the gathered rows, of component k, with all that is known `like` in that tile.
void RowwiseSums::flush(int k, const Tile& like, const RowwiseDensity& density, const double* center) {
  const int n = std::min(n_rows_, kTile), n_known = like.n_known(has_mask_);
  for (int r = n; r < kTile; ++r) gamma_[r] = 0.0;
  known_t_.resize(std::size_t(like.n_known()) * kTile);
  kernels_.transpose_rows(n_known, rows_, n, known_t_.data());
  add_rows(k, like.observed(n, known_t_.data(), has_mask_), density, gamma_.data(), center);
  std::copy(rows_ + n, rows_ + n_rows_, rows_);
  std::copy(gamma_.begin() + n, gamma_.begin() + n_rows_, gamma_.begin());
  n_rows_ -= n;
}

void RowwiseSums::add_rows(int k, const ObservedRows& rows, const RowwiseDensity& density,
                           const double* gamma, const double* center) {
  kernels_.add_completions(rows, density.mean(k), density.covariance(k), scratch_.data(),
                           lanes(gamma, center));
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
                        lanes(few_gamma_.data(), center));
  n_few_ = 0;
  fold(k);
}

/// What kernels add to: zeros, up to the next fold.
CompletionSums RowwiseSums::lanes(const double* gamma, const double* center) {
  std::ranges::fill(s1_, 0.0);
  std::ranges::fill(s2_, 0.0);
  return {gamma, center, s1_.data(), layout_.has_second() ? s2_.data() : nullptr, layout_.is_diagonal()};
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
