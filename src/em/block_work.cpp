// TileShares, BlockWork: tiles to kernels.
#include "em/block_work.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "model/log_density.hpp"

namespace gmmpi {

namespace {

std::int64_t tile_bytes(const MomentLayout& layout) {
  return 8 * kTile * (2 * std::int64_t{padded(layout.d)} + (1 + layout.n_own) * layout.K);
}

/// Tiles of a block that are worked on together: rows that count are gathered over them, so more is better,
/// as long as they and their responsibilities stay in second-level cache. Depends on N, d and K only.
int tiles_together(const MomentLayout& layout, Index block_rows) {
  constexpr std::int64_t cache = 512 * 1024;
  return static_cast<int>(std::clamp<std::int64_t>(cache / tile_bytes(layout), 1, block_rows / kTile));
}

/// Whether rows of weight zero, and those beyond the end, have no share in any component.
bool is_padded(std::span<const Tile> tiles, int K, const double* gamma) {
  for (const Tile& tile : tiles)
    for (int k = 0; k < K; ++k, gamma += kTile)
      for (int r = 0; r < kTile; ++r)
        if (tile.weights()[r] == 0.0 && gamma[r] != 0.0) return false;
  return true;
}

}  // namespace

TileShares::TileShares(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values)
    : K_(layout.K),
      d_(layout.d),
      n_own_(layout.n_own),
      n_values_(n_values),
      kernels_(kernels),
      tiles_(tiles_together(layout, block_rows), Tile(layout.d, kernels)),
      rows_(tiles_.size()),
      gamma_(tiles_.size() * layout.K * kTile),
      own_(tiles_.size() * layout.n_own * layout.K * kTile),
      value_(tiles_.size() * n_values * kTile) {}

std::int64_t TileShares::bytes(const MomentLayout& layout, Index block_rows) {
  return tiles_together(layout, block_rows) * (tile_bytes(layout) + 8 * kTile);
}

std::span<const Tile> TileShares::next(const Block& block, int& offset, const Assignment& assignment,
                                       std::span<double> lanes) {
  std::size_t n = 0;
  for (; n < tiles_.size() && offset < block.n_rows; ++n, offset += kTile) {
    tiles_[n].load(block, offset);
    rows_[n] = {tiles_[n].x(), tiles_[n].xt()};
  }
  const std::span<const Tile> loaded(tiles_.data(), n);
  scratch_.resize(std::max(scratch_.size(), assignment.scratch_size()));
  assignment.assign(loaded, scratch_.data(), gamma_.data(), value_.data());
  GMMPI_EXPECT(is_padded(loaded, K_, gamma_.data()));
  if (n_own_ > 0) weigh(loaded, assignment);
  for (std::size_t i = 0; i < n; ++i)
    require_in_reach(loaded[i], value_.data() + i * n_values_ * kTile, ExitCode::numerical);
  for (std::size_t i = 0; i < n * n_values_; ++i) {
    double* values = value_.data() + i * kTile;
    for (int r = 0; r < kTile; ++r) values[r] *= loaded[i / n_values_].weights()[r];
    kernels_.sum_rows(values, lanes.data() + i % n_values_ * kRowLanes);
  }
  return loaded;
}

/// The first of the own sums is that of gamma itself.
void TileShares::weigh(std::span<const Tile> loaded, const Assignment& assignment) {
  const std::int64_t size = std::int64_t{K_} * kTile;
  for (std::ptrdiff_t i = 0; i < std::ssize(loaded); ++i) {
    double* of_tile = own_.data() + i * n_own_ * size;
    std::copy_n(gamma_.data() + i * size, size, of_tile);
    assignment.weigh(loaded[i], scratch_.data(), gamma_.data() + i * size, of_tile + size);
  }
}

const std::vector<double>& BlockWork::sum(const Block& block, const Assignment& assignment,
                                          const double* centers, std::span<double> lanes,
                                          Profile::Seconds& seconds) {
  Stopwatch watch;
  sums_.clear();
  for (int offset = 0; offset < block.n_rows;) {
    const std::size_t n = shares_.next(block, offset, assignment, lanes).size();
    seconds[Profile::e_step] += watch.lap();
    sums_.add(kernels_, shares_.rows().first(n), shares_.gamma(), centers, rows_after(block, offset, n),
              shares_.own());
    seconds[Profile::accumulation] += watch.lap();
  }
  const std::vector<double>& sums = sums_.collect();
  seconds[Profile::exact_sums] += watch.lap();
  return sums;
}

/// What is read next, here or, after the last row of a block, probably on this rank.
ReadAhead BlockWork::rows_after(const Block& block, int offset, std::size_t n_now) const {
  const Index d = shares_.n_columns(), count = std::ssize(shares_.rows()) * kTile;
  return std::visit(
      [&](const auto* x) {
        return ReadAhead(x + offset * d, count * d * Index{sizeof *x}, static_cast<std::int64_t>(n_now) * K_);
      },
      block.rows);
}

}  // namespace gmmpi
