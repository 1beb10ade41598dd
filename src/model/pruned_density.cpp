// PrunedDensity: partial distances, a likely component per row, and the rest where it matters.
#include "model/pruned_density.hpp"

#include <algorithm>
#include <vector>

namespace gmmpi {

namespace {

constexpr int kMostTiles = 32;
constexpr int kLeastColumns = 8, kLeastComponents = 6;  ///< with fewer there is nothing to gain
constexpr int kPause = 100;                             ///< calls between vain attempts
constexpr double kNoDistance = 1e300;

}  // namespace

struct PrunedDensity::Work {
  std::span<const Tile> tiles;
  int K;
  double *xt, *difference, *guess, *top;  ///< d x kTile twice; kTile per tile twice
  double* out;
  int rows[kMostTiles * kTile];  ///< tile * kTile + row of it

  double* distances(std::size_t tile, int k) const { return out + (std::int64_t(tile) * K + k) * kTile; }
  double& distance(int k, int row) const { return distances(row / kTile, k)[row % kTile]; }
};

PrunedDensity::PrunedDensity(const LogDensity& density) : density_(density) {}

std::size_t PrunedDensity::scratch_size() const {
  return 2 * density_.scratch_size() + std::size_t{2} * kMostTiles * kTile;
}

void PrunedDensity::log_joint(std::span<const Tile> tiles, double least_log_share, double* scratch,
                              double* out) const {
  const std::size_t size = density_.scratch_size();
  double* rest = scratch + 2 * size;
  Work work{tiles, density_.n_components(),   scratch, scratch + size,
            rest,  rest + kMostTiles * kTile, out,     {}};
  const bool whole = least_log_share <= kEveryLogShare || tiles.front().is_partial();
  const int columns = whole ? 0 : choose_columns();
  if (columns > 0 && prune(columns, least_log_share, work)) return;
  for (std::size_t t = 0; t < tiles.size(); ++t) density_.log_joint(tiles[t], scratch, work.distances(t, 0));
}

/// Columns of the partial distances, in whole groups of the packed factor; 0: compute everything.
int PrunedDensity::choose_columns() const {
  const int d = density_.n_features();
  if (d < kLeastColumns || density_.n_components() < kLeastComponents) return 0;
  if (!density_.components().can_prune()) return 0;
  if (wait_.load(std::memory_order_relaxed) > 0) {
    wait_.fetch_sub(1, std::memory_order_relaxed);
    return 0;
  }
  const int part = attempt_.load(std::memory_order_relaxed) % 2 == 0 ? d / 4 : d / 2;
  return std::max(1, part / kFactorColumns) * kFactorColumns;
}

void PrunedDensity::failed() const {
  if (attempt_.fetch_add(1, std::memory_order_relaxed) % 2 == 1)
    wait_.store(kPause, std::memory_order_relaxed);
}

/// The share of pairs to be completed up to which pruning gains, from rough costs in cycles: a pair takes the
/// kernel's multiplications at 16 per cycle, and gathering it two cycles per column.
double PrunedDensity::largest_share(int columns) const {
  const Distances& distances = density_.components().distances();
  const double d = density_.n_features(), all = distances.cost(d);
  return (0.9 * all - distances.cost(columns) - 0.5) / (all + 2.0 * d);
}

/// False, with nothing in `out` that counts, if too many pairs matter.
bool PrunedDensity::prune(int columns, double least_log_share, Work& work) const {
  const KernelTable& kernels = density_.kernels();
  const double* constants = density_.components().constants();
  const double scale = double(density_.n_features()) / columns;
  for (std::size_t t = 0; t < work.tiles.size(); ++t) {
    density_.components().distances().first(columns, work.tiles[t].xt(), work.difference,
                                            work.distances(t, 0));
    kernels.likeliest(work.K, scale, constants, work.distances(t, 0), work.guess + t * kTile);
  }
  complete_likeliest(columns, work);
  const double limit = largest_share(columns) * static_cast<double>(work.tiles.size()) * kTile;
  std::int64_t n_completed = 0;
  for (int k = 0; k < work.K; ++k) {
    int n = 0;
    for (std::size_t t = 0; t < work.tiles.size(); ++t) {
      const int offset = static_cast<int>(t) * kTile;
      int* rows = work.rows + n;
      const int found = kernels.rows_in_reach(k, constants[k], least_log_share, work.top + offset,
                                              work.guess + offset, work.distances(t, k), rows);
      for (int i = 0; i < found; ++i) rows[i] += offset;
      n += found;
    }
    n_completed += n;
    if (static_cast<double>(n_completed) > limit * (k + 3)) {  // three in advance: components differ
      failed();
      return false;
    }
    complete(columns, k, {work.rows, static_cast<std::size_t>(n)}, work);
  }
  for (std::size_t t = 0; t < work.tiles.size(); ++t)
    kernels.log_joint(work.K, constants, work.distances(t, 0));
  return true;
}

/// The whole distance to each row's likeliest component, and the log joint that others have to come near.
void PrunedDensity::complete_likeliest(int columns, Work& work) const {
  const int n_rows = static_cast<int>(work.tiles.size()) * kTile;
  std::vector<int> end(work.K + 1);  // of each component's rows among rows sorted by component
  for (int row = 0; row < n_rows; ++row) ++end[static_cast<int>(work.guess[row]) + 1];
  for (int k = 0; k < work.K; ++k) end[k + 1] += end[k];
  for (int row = 0; row < n_rows; ++row) work.rows[end[static_cast<int>(work.guess[row])]++] = row;
  for (int k = 0, begin = 0; k < work.K; begin = end[k++]) {
    const std::span<const int> mine(work.rows + begin, end[k] - begin);
    complete(columns, k, mine, work);
    for (const int row : mine) {
      const double q = work.distance(k, row);
      work.top[row] =
          __builtin_fma(-0.5, q < kNoDistance ? q : kNoDistance, density_.components().constants()[k]);
    }
  }
}

void PrunedDensity::complete(int columns, int k, std::span<const int> list, Work& work) const {
  const int stride = padded(density_.n_features());
  const double* rows[kTile];
  alignas(64) double distances[kTile] = {};
  while (!list.empty()) {
    const auto now = list.first(std::min<std::size_t>(kTile, list.size()));
    for (std::size_t i = 0; i < now.size(); ++i) {
      rows[i] = work.tiles[now[i] / kTile].x() + (now[i] % kTile) * stride;
      distances[i] = work.distance(k, now[i]);
    }
    density_.kernels().transpose_rows(density_.n_features(), rows, static_cast<int>(now.size()), work.xt);
    density_.components().distances().rest(columns, k, static_cast<int>(now.size()), work.xt, work.difference,
                                           distances);
    for (std::size_t i = 0; i < now.size(); ++i) work.distance(k, now[i]) = distances[i];
    list = list.subspan(now.size());
  }
}

}  // namespace gmmpi
