// BlockSums: calls the scatter kernels and reads out their layouts.
#include "kernels/scatter.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr int kLanes = kRowLanes;

bool is_full(ScatterShape shape) {
  return shape == ScatterShape::full || shape == ScatterShape::pooled;
}

std::int64_t first_stride(int d) {
  return d <= kSmallColumns ? kLanes * d : padded(d);
}

std::int64_t second_stride(ScatterShape shape, int d) {
  if (d <= kSmallColumns) return kLanes * scatter_size(shape, d);
  if (shape == ScatterShape::none) return 0;
  if (shape == ScatterShape::diagonal) return padded(d);
  std::int64_t size = 0;
  for (int i = 0; i < d; i += kPad) size += std::int64_t{kPad} * (padded(d) - i);
  return size;
}

}  // namespace

double fold_lanes(const double* lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

BlockSums::BlockSums(const MomentLayout& layout)
    : layout_(layout),
      s1_stride_(first_stride(layout.d)),
      s2_stride_(second_stride(layout.shape, layout.d)),
      counts_(std::size_t(1 + layout.n_own) * layout.K * kLanes),
      s1_(layout.K * s1_stride_),
      s2_(layout.n_scatters() * s2_stride_),
      scratch_(std::size_t{kScatterScratch} * (padded(layout.d) + kPad)),
      zero_(padded(layout.d)),
      plain_(layout.size()) {
  GMMPI_EXPECT(layout.K >= 1 && layout.d >= 1);
}

std::int64_t BlockSums::bytes(const MomentLayout& layout) {
  return 8 * (layout.K * ((1 + layout.n_own) * kLanes + first_stride(layout.d)) +
              layout.n_scatters() * second_stride(layout.shape, layout.d) + layout.size() +
              std::int64_t{kScatterScratch} * (padded(layout.d) + kPad));
}

void BlockSums::clear() {
  std::ranges::fill(counts_, 0.0);
  std::ranges::fill(s1_, 0.0);
  std::ranges::fill(s2_, 0.0);
}

void BlockSums::add(const KernelTable& kernels, std::span<const TileRows> tiles, const double* gamma,
                    const double* centers, ReadAhead ahead, const double* own) {
  GMMPI_EXPECT(!tiles.empty() && (layout_.n_own == 0 || own));
  const auto gamma_of = [&](std::size_t tile, int k) { return gamma + (tile * layout_.K + k) * kTile; };
  add_counts(kernels, tiles.size(), gamma, own);
  const std::int64_t step = padded(layout_.d);
  if (layout_.d <= kSmallColumns) {
    for (std::size_t t = 0; t < tiles.size(); ++t)
      for (int k = 0; k < layout_.K; ++k) {
        ahead.fetch_piece();
        add_small(kernels, tiles[t], gamma_of(t, k), centers + k * step, k);
      }
  } else if (is_full(layout_.shape)) {
    // The sums are large: each is worked on for as many rows as there are.
    for (int k = 0; k < layout_.K; ++k)
      add_gathered(kernels, kernels.accumulate_full, tiles, gamma_of(0, k), centers + k * step, k, ahead);
  } else {
    // The sums are small: each tile is worked on while it is in first-level cache.
    const auto accumulate = layout_.is_diagonal() ? kernels.accumulate_diagonal : kernels.accumulate_first;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      const double* rows[kTile];
      for (int r = 0; r < kTile; ++r) rows[r] = tiles[t].x + r * step;
      for (int k = 0; k < layout_.K; ++k) {
        const double* center = centers + k * step;
        if (kernels.all_count(gamma_of(t, k))) {
          ahead.fetch_piece();
          accumulate({layout_.d, kTile, rows, gamma_of(t, k), center, first_sum(k), second_sum(k), nullptr});
        } else {
          add_gathered(kernels, accumulate, tiles.subspan(t, 1), gamma_of(t, k), center, k, ahead);
        }
      }
    }
  }
}

void BlockSums::add_counts(const KernelTable& kernels, std::size_t n_tiles, const double* gamma,
                           const double* own) {
  const std::int64_t n = static_cast<std::int64_t>(n_tiles), K = layout_.K, n_own = layout_.n_own * K;
  for (std::int64_t e = 0; e < n * K; ++e)
    kernels.sum_rows(gamma + e * kTile, counts_.data() + e % K * kLanes);
  for (std::int64_t e = 0; e < n * n_own; ++e)
    kernels.sum_rows(own + e * kTile, counts_.data() + (K + e % n_own) * kLanes);
}

void BlockSums::add_differences(const KernelTable& kernels, int k, int n, double* differences,
                                double* gamma) {
  GMMPI_EXPECT(n > 0 && n <= kGathered);
  if (layout_.d <= kSmallColumns) return add_small_differences(kernels, k, n, differences, gamma);
  const std::int64_t stride = padded(layout_.d);
  for (; n % kPhases != 0; ++n) {  // rows that add exact zeros
    std::fill_n(differences + n * stride, stride, 0.0);
    gamma[n] = 0.0;
  }
  const double* rows[kGathered];
  for (int r = 0; r < n; ++r) rows[r] = differences + r * stride;
  const auto accumulate = is_full(layout_.shape)  ? kernels.accumulate_full
                          : layout_.is_diagonal() ? kernels.accumulate_diagonal
                                                  : kernels.accumulate_first;
  accumulate({layout_.d, n, rows, gamma, zero_.data(), first_sum(k), second_sum(k), scratch_.data()});
}

void BlockSums::add_small_differences(const KernelTable& kernels, int k, int n, const double* differences,
                                      const double* gamma) {
  const std::int64_t stride = padded(layout_.d);
  for (int first = 0; first < n; first += kTile) {
    double xt[kSmallColumns * kTile] = {}, weights[kTile] = {};
    for (int r = 0; r < std::min(kTile, n - first); ++r) {
      weights[r] = gamma[first + r];
      for (int j = 0; j < layout_.d; ++j) xt[j * kTile + r] = differences[(first + r) * stride + j];
    }
    add_small(kernels, {nullptr, xt}, weights, zero_.data(), k);
  }
}

void BlockSums::add_small(const KernelTable& kernels, const TileRows& tile, const double* gamma,
                          const double* center, int k) {
  const auto accumulate = is_full(layout_.shape)  ? kernels.small_full
                          : layout_.is_diagonal() ? kernels.small_diagonal
                                                  : kernels.small_first;
  accumulate({layout_.d, tile.xt, gamma, center, first_sum(k), second_sum(k)});
}

void BlockSums::add_gathered(const KernelTable& kernels, void (*accumulate)(const RowsTask&),
                             std::span<const TileRows> tiles, const double* gamma, const double* center,
                             int k, ReadAhead& ahead) {
  const double* rows[kGathered + kPad];  // room for the last whole vector that gather_rows stores
  double gammas[kGathered + kPad];
  RowsTask task{layout_.d, 0, rows, gammas, center, first_sum(k), second_sum(k), scratch_.data()};
  for (std::size_t t = 0; t < tiles.size(); ++t, gamma += std::int64_t{layout_.K} * kTile) {
    ahead.fetch_piece();
    int& n = task.n_rows;
    n += kernels.gather_rows(layout_.d, tiles[t].x, gamma, rows + n, gammas + n);
    if (n == 0 || (n < kTile && t + 1 < tiles.size())) continue;
    for (; n % kPhases != 0; ++n) {  // rows that add exact zeros
      rows[n] = rows[0];
      gammas[n] = 0.0;
    }
    accumulate(task);
    n = 0;
  }
}

const std::vector<double>& BlockSums::collect() {
  const int d = layout_.d;
  const bool lanes = d <= kSmallColumns;
  double* out = plain_.data();
  for (int k = 0; k < layout_.K; ++k) *out++ = fold_lanes(counts_.data() + std::int64_t{k} * kLanes);
  for (int k = 0; k < layout_.K; ++k) {
    const double* s1 = s1_.data() + k * s1_stride_;
    for (int j = 0; j < d; ++j) *out++ = lanes ? fold_lanes(s1 + j * kLanes) : s1[j];
  }
  const std::int64_t n = scatter_size(layout_.shape, d), n_own = std::int64_t{layout_.n_own} * layout_.K;
  for (std::int64_t k = 0; k < layout_.n_scatters(); ++k) {
    const double* s2 = s2_.data() + k * s2_stride_;
    if (lanes) {
      for (std::int64_t e = 0; e < n; ++e) *out++ = fold_lanes(s2 + e * kLanes);
    } else if (!is_full(layout_.shape)) {
      out = std::copy_n(s2, n, out);
    } else {
      for (int i = 0; i < d; ++i) {
        const int start = i / kPad * kPad, columns = padded(d) - start;
        out = std::copy(s2 + (i - start), s2 + (d - start), out);
        s2 += columns;
      }
    }
  }
  for (std::int64_t e = 0; e < n_own; ++e) *out++ = fold_lanes(counts_.data() + (layout_.K + e) * kLanes);
  return plain_;
}

}  // namespace gmmpi
