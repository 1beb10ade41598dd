// The sweep: blocks to threads, tiles to kernels, block sums to exact sums, exact sums to one allreduce.
#include "em/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <numeric>
#include <string>

#include "em/resolution.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "model/log_density.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

namespace {

constexpr double kMostMoment = 1e300;

/// Error 79: sums of squares of `reach`, how far the rows are from component k, overflow.
[[noreturn]] void moments_overflow(int k, double reach, const DataSummary& summary) {
  if (static_cast<double>(summary.n_rows) * reach * reach < kMostMoment)
    throw Error(
        ExitCode::numerical,
        fmt::format("the sample weights sum to {:.3g}, so that sums of weighted squares overflow: multiply "
                    "all weights by one number, or give --relative-weights",
                    summary.total_weight));
  throw Error(
      ExitCode::numerical,
      fmt::format("the mean of component {} lies so far from the data that squared distances overflow: "
                  "choose another start, or larger units",
                  k));
}

/// Bounds of the absolute sums, from the columns' ranges (and `own`) alone: the same on every rank.
std::vector<double> moment_bounds(const MomentLayout& layout, const DataSummary& summary,
                                  const std::vector<double>& centers, const std::optional<OwnSums>& own) {
  const double rows = summary.total_weight * 1.0001, weight = own ? rows * own->largest_weight : rows;
  std::vector<double> bounds(layout.size());
  double* first = bounds.data() + layout.first();
  double* second = bounds.data() + layout.second();
  for (int k = 0; k < layout.K; ++k) {
    bounds[k] = weight;
    std::vector<double> reach(layout.d);
    for (int j = 0; j < layout.d; ++j) {
      const double center = centers[std::size_t(k) * layout.d + j];
      reach[j] =
          1.0001 * std::max(std::abs(summary.maximum[j] - center), std::abs(summary.minimum[j] - center));
      *first++ = weight * reach[j];
    }
    layout.for_each_entry(k, [&](int i, int l, std::int64_t place) {
      second[place] = std::max(second[place], weight * reach[i] * reach[l]);
    });
    for (const double r : reach)
      if (!(weight * r * r < kMostMoment)) moments_overflow(k, r, summary);
  }
  double* entry = bounds.data() + layout.own();
  for (int i = 0; i < layout.n_own; ++i, entry += layout.K)  // the first is the rows themselves
    std::fill_n(entry, layout.K, i == 0 ? rows : rows * own->bounds[i - 1]);
  return bounds;
}

/// Rows of d values, each padded with zeros.
AlignedDoubles pad_rows(const std::vector<double>& values, int d) {
  const std::size_t n = values.size() / d, stride = padded(d);
  AlignedDoubles out(n * stride);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(values.data() + i * d, d, out.data() + i * stride);
  return out;
}

/// Tiles of a block that are worked on together: rows that count are gathered over them, so more is better,
/// as long as they and their responsibilities stay in second-level cache. Depends on N, d and K only.
int tiles_together(const MomentLayout& layout, Index block_rows) {
  constexpr std::int64_t cache = 512 * 1024;
  const std::int64_t per_tile =
      8 * kTile * (2 * std::int64_t{padded(layout.d)} + (1 + layout.n_own) * layout.K);
  return static_cast<int>(std::clamp<std::int64_t>(cache / per_tile, 1, block_rows / kTile));
}

/// Whether rows of weight zero, and those beyond the end, have no share in any component.
bool is_padded(std::span<const Tile> tiles, int K, const double* gamma) {
  for (const Tile& tile : tiles)
    for (int k = 0; k < K; ++k, gamma += kTile)
      for (int r = 0; r < kTile; ++r)
        if (tile.weights()[r] == 0.0 && gamma[r] != 0.0) return false;
  return true;
}

/// One thread's part of a sweep.
struct Worker {
  int K, d, n_own;
  const KernelTable& kernels;
  std::vector<Tile> tiles;
  std::vector<TileRows> rows;
  BlockSums sums;
  const Resolution& resolution;
  std::vector<double> peaks;
  ExactArray moments;
  std::vector<ExactScalar> totals;  ///< of the values
  AlignedDoubles gamma, own, value, scratch;
  Profile::Seconds seconds{};

  Worker(const MomentLayout& layout, Index block_rows, const KernelTable& table, const Assignment& assignment,
         const Resolution& keys, const ExactArray& empty)
      : K(layout.K),
        d(layout.d),
        n_own(layout.n_own),
        kernels(table),
        tiles(tiles_together(layout, block_rows), Tile(layout.d, table)),
        sums(layout),
        resolution(keys),
        peaks(keys.n_keys()),
        moments(empty),
        totals(assignment.n_values()),
        gamma(tiles.size() * layout.K * kTile),
        own(tiles.size() * layout.n_own * layout.K * kTile),
        value(tiles.size() * assignment.n_values() * kTile),
        scratch(assignment.scratch_size()) {
    for (const Tile& tile : tiles) rows.push_back({tile.x(), tile.xt()});
  }

  void add(const Block& block, const Assignment& assignment, const double* centers) {
    AlignedDoubles lanes(totals.size() * kRowLanes);
    Stopwatch watch;
    sums.clear();
    for (int offset = 0; offset < block.n_rows;) {
      std::size_t n = 0;
      for (; n < tiles.size() && offset < block.n_rows; ++n, offset += kTile) tiles[n].load(block, offset);
      const std::span<const Tile> loaded(tiles.data(), n);
      assignment.assign(loaded, scratch.data(), gamma.data(), value.data());
      GMMPI_EXPECT(is_padded(loaded, K, gamma.data()));
      if (n_own > 0) weigh(loaded, assignment);
      for (std::size_t i = 0; i < n; ++i)
        require_in_reach(loaded[i], value.data() + i * totals.size() * kTile, ExitCode::numerical);
      for (std::size_t i = 0; i < n * totals.size(); ++i) {
        double* values = value.data() + i * kTile;
        for (int r = 0; r < kTile; ++r) values[r] *= tiles[i / totals.size()].weights()[r];
        kernels.sum_rows(values, lanes.data() + i % totals.size() * kRowLanes);
      }
      seconds[Profile::e_step] += watch.lap();
      sums.add(kernels, std::span(rows).first(n), gamma.data(), centers, rows_after(block, offset, n),
               own.data());
      seconds[Profile::accumulation] += watch.lap();
    }
    const std::vector<double>& of_block = sums.collect();
    moments.add(of_block);
    resolution.add(of_block, peaks);
    for (std::size_t i = 0; i < lanes.size(); ++i) totals[i / kRowLanes].add(lanes[i]);
    seconds[Profile::exact_sums] += watch.lap();
  }

  /// The first of the own sums is that of gamma itself.
  void weigh(std::span<const Tile> loaded, const Assignment& assignment) {
    const std::int64_t size = std::int64_t{K} * kTile;
    for (std::ptrdiff_t i = 0; i < std::ssize(loaded); ++i) {
      double* of_tile = own.data() + i * n_own * size;
      std::copy_n(gamma.data() + i * size, size, of_tile);
      assignment.weigh(loaded[i], scratch.data(), gamma.data() + i * size, of_tile + size);
    }
  }

  /// What is read next, here or, after the last row of a block, probably on this rank.
  ReadAhead rows_after(const Block& block, int offset, std::size_t n_now) const {
    const Index count = std::ssize(tiles) * kTile;
    return std::visit(
        [&](const auto* x) {
          return ReadAhead(x + Index{offset} * d, count * d * Index{sizeof *x},
                           static_cast<std::int64_t>(n_now) * K);
        },
        block.rows);
  }
};

/// Runs the blocks of this rank; an exception is kept for the reduction.
std::exception_ptr run_blocks(const Execution& execution, const Data& data,
                              const std::function<void(const Block&, int)>& work) {
  try {
    data.for_each_block(execution, work);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// What a pass over all rows leaves.
struct Pass {
  Moments moments;
  ExactArray sums;            ///< the moments before they are rounded
  std::vector<double> peaks;  ///< of this rank
};

/// Collective.
Pass run_pass(const Execution& execution, const Data& data, const Assignment& assignment,
              const std::vector<double>& centers, const MomentLayout& layout, const Resolution& resolution,
              const std::vector<double>& bounds) {
  const ExactArray empty(bounds);
  ExactArray moments = empty;
  std::vector<double> peaks(resolution.n_keys());
  std::vector<ExactScalar> totals(assignment.n_values());
  Stopwatch watch;
  const AlignedDoubles padded_centers = pad_rows(centers, layout.d);
  std::vector<std::unique_ptr<Worker>> workers(execution.n_threads);
  std::exception_ptr failure = run_blocks(execution, data, [&](const Block& block, int thread) {
    auto& worker = workers[thread];
    if (!worker)
      worker = std::make_unique<Worker>(layout, data.grid().block_rows(), *execution.kernels, assignment,
                                        resolution, empty);
    worker->add(block, assignment, padded_centers.data());
  });
  for (const auto& worker : workers) {
    if (!worker) continue;
    moments.add(worker->moments);
    for (std::size_t e = 0; e < peaks.size(); ++e) peaks[e] = std::max(peaks[e], worker->peaks[e]);
    for (std::size_t i = 0; i < totals.size(); ++i) totals[i].add(worker->totals[i]);
  }
  Profile::Seconds seconds{};
  for (const auto& worker : workers)
    for (std::size_t phase = 0; worker && phase < seconds.size(); ++phase)
      seconds[phase] += worker->seconds[phase] / execution.n_threads;
  seconds[Profile::idle] = watch.lap() - std::accumulate(seconds.begin(), seconds.end(), 0.0);

  ExactMessage message;  // everything of this iteration
  for (ExactScalar& total : totals) message.add(total);
  message.add(moments).sum(execution.comm, failure);
  std::vector<double> values;
  for (const ExactScalar& total : totals) values.push_back(total.value());
  seconds[Profile::reduction] = watch.lap();
  for (std::size_t phase = 0; execution.profile && phase < seconds.size(); ++phase)
    execution.profile->add(static_cast<Profile::Phase>(phase), seconds[phase]);

  Moments result{layout, centers, values[0], std::vector<double>(moments.size()), values};
  result.total_weight = data.summary().total_weight;
  if (assignment.has_entropy()) {
    result.map_entropy = values.back();
    result.values.pop_back();
  }
  for (std::size_t i = 0; i < moments.size(); ++i) result.sums[i] = moments.value(i);
  return {std::move(result), std::move(moments), std::move(peaks)};
}

}  // namespace

Moments sweep(const Execution& execution, const Data& data, const Assignment& assignment,
              std::vector<double> centers, ScatterShape shape, MomentNeeds needs) {
  const std::optional<OwnSums> own = assignment.own_sums();
  const MomentLayout layout{assignment.n_components(), data.n_columns(), shape,
                            own ? 1 + static_cast<int>(own->bounds.size()) : 0};
  GMMPI_EXPECT(layout.K >= 1 && assignment.n_values() >= 1);
  GMMPI_EXPECT(std::ssize(centers) == std::int64_t{layout.K} * layout.d);
  GMMPI_EXPECT(std::ssize(data.summary().minimum) == layout.d &&
               std::ssize(data.summary().maximum) == layout.d);
  const Resolution resolution(layout, needs);
  std::vector<double> bounds = moment_bounds(layout, data.summary(), centers, own);
  Pass pass = run_pass(execution, data, assignment, centers, layout, resolution, bounds);
  const auto n_blocks = static_cast<double>(data.grid().n_blocks());
  if (resolution.refine(execution.comm, pass.sums, pass.peaks, n_blocks, bounds))
    pass = run_pass(execution, data, assignment, centers, layout, resolution, bounds);
  return std::move(pass.moments);
}

std::int64_t sweep_bytes_per_thread(const MomentLayout& layout, Index block_rows) {
  const std::int64_t tile =
      8 * kTile * (2 * std::int64_t{padded(layout.d)} + (1 + layout.n_own) * layout.K + 1);
  return BlockSums::bytes(layout) + tiles_together(layout, block_rows) * tile + (3 + 1) * 8 * layout.size();
}

FoundRow find_extreme_row(const Execution& execution, const Data& data, const Assignment& assignment,
                          bool highest) {
  struct Best {
    double value = 0.0;
    Index row = -1;
    bool beats(const Best& other) const {
      return row >= 0 && (other.row < 0 || value < other.value || (value == other.value && row < other.row));
    }
  };
  std::vector<Best> best(execution.n_threads);
  const std::exception_ptr failure = run_blocks(execution, data, [&](const Block& block, int thread) {
    Tile tile(data.n_columns(), *execution.kernels);
    std::vector<double> gamma(std::size_t(assignment.n_components()) * kTile),
        scratch(assignment.scratch_size());
    std::vector<double> value(std::size_t(assignment.n_values()) * kTile);
    for (int offset = 0; offset < block.n_rows; offset += kTile) {
      tile.load(block, offset);
      assignment.assign(std::span(&tile, 1), scratch.data(), gamma.data(), value.data());
      for (int r = 0; r < tile.n_rows(); ++r)
        if (const Best candidate{highest ? -value[r] : value[r], tile.first_row() + r};
            tile.weights()[r] > 0.0 && candidate.beats(best[thread]))
          best[thread] = candidate;
    }
  });
  execution.comm.rethrow_anywhere(failure);
  const std::vector<Best> all = execution.comm.all_gather(std::span<const Best>(best));
  Best winner;
  for (const Best& candidate : all)
    if (candidate.beats(winner)) winner = candidate;
  GMMPI_EXPECT(winner.row >= 0);

  const Index block = winner.row / data.grid().block_rows();
  const bool mine = block >= data.first_block() && block < data.last_block();
  std::vector<double> x;
  execution.comm.together([&] {  // the row may have to be read from a file
    if (mine) x = data.row(winner.row);
  });
  x = execution.comm.all_gather(std::span<const double>(x));
  return {winner.row, highest ? -winner.value : winner.value, x};
}

}  // namespace gmmpi
