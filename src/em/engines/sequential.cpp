// Rows in turn, or mini-batches, and what passes between the ranks.
#include "em/engines/sequential.hpp"

#include <algorithm>

#include "data/batch_data.hpp"
#include "em/assignments.hpp"
#include "em/engines/kmeans.hpp"
#include "em/engines/stepwise.hpp"

namespace gmmpi {

namespace {

/// Blocks after which all ranks know the means, and the fit can be continued: some 10^5 rows.
constexpr Index kLegBlocks = 64;

/// The means while one rank goes through its rows. Entry (j, k) of `centers` is column j of mean k, so that a
/// row's distances are computed side by side.
class RowByRow {
 public:
  RowByRow(const std::vector<double>& centers, const std::vector<double>& counts, int d)
      : K_(counts.size()), d_(d), centers_(centers.size()), counts_(counts), distance_(K_), row_(d) {
    for (std::size_t k = 0; k < K_; ++k)
      for (std::size_t j = 0; j < d_; ++j) centers_[j * K_ + k] = centers[k * d_ + j];
  }

  void take(const Block& block) {
    std::visit([&](const auto* rows) { take(rows, block); }, block.rows);
  }

  void store(std::vector<double>& centers, std::vector<double>& counts) const {
    for (std::size_t k = 0; k < K_; ++k)
      for (std::size_t j = 0; j < d_; ++j) centers[k * d_ + j] = centers_[j * K_ + k];
    counts = counts_;
  }

 private:
  template <class T>
  void take(const T* rows, const Block& block) {
    for (int r = 0; r < block.n_rows; ++r, rows += d_) {
      const double weight = block.weights ? block.weights[r] : 1.0;
      if (weight == 0.0) continue;
      std::copy(rows, rows + d_, row_.begin());
      move(weight);
    }
  }

  void move(double weight) {
    std::fill(distance_.begin(), distance_.end(), 0.0);
    for (std::size_t j = 0; j < d_; ++j) {
      const double x = row_[j];
      const double* center = centers_.data() + j * K_;
      for (std::size_t k = 0; k < K_; ++k) distance_[k] += (x - center[k]) * (x - center[k]);
    }
    const std::size_t k = std::ranges::min_element(distance_) - distance_.begin();  // the lowest on a tie
    counts_[k] += weight;
    const double step = weight / counts_[k];
    for (std::size_t j = 0; j < d_; ++j) centers_[j * K_ + k] += step * (row_[j] - centers_[j * K_ + k]);
  }

  std::size_t K_, d_;
  std::vector<double> centers_, counts_, distance_, row_;
};

int owner_of(const BlockGrid& grid, Index block, int n_ranks) {
  int rank = 0;
  while (grid.first_block(rank + 1, n_ranks) <= block) ++rank;
  return rank;
}

/// The rows of some blocks from `block` on, all of one rank; returns where they end.
Index take_leg(const Problem& p, FitState& state, Index block) {
  const Communicator& comm = p.execution.comm;
  const BlockGrid& grid = p.data.grid();
  const int owner = owner_of(grid, block, comm.size());
  const Index end = std::min(block + kLegBlocks, grid.first_block(owner + 1, comm.size()));
  comm.together([&] {
    if (comm.rank() != owner) return;
    Execution in_order = p.execution;
    in_order.n_threads = 1;
    RowByRow means(state.centers, state.running_sums, p.data.n_columns());
    for (Index b = block; b < end; ++b)
      p.data.for_chosen_blocks(in_order, {grid.n_blocks(), b},
                               [&](const Block& rows, int) { means.take(rows); });
    means.store(state.centers, state.running_sums);
  });
  comm.broadcast(std::as_writable_bytes(std::span(state.centers)), owner);
  comm.broadcast(std::as_writable_bytes(std::span(state.running_sums)), owner);
  return end;
}

void take_batch(const Problem& p, FitState& state, int batch, int n_batches) {
  const BatchData data(p.data, {n_batches, batch});
  const std::size_t d = p.data.n_columns();
  const Moments seen =
      sweep(p.execution, data, NearestCenter(state.centers, p.data.n_columns(), *p.execution.kernels),
            state.centers);
  for (std::size_t k = 0; k < state.running_sums.size(); ++k) {
    if (seen.counts()[k] == 0.0) continue;
    state.running_sums[k] += seen.counts()[k];
    for (std::size_t j = 0; j < d; ++j)
      state.centers[k * d + j] += seen.first(static_cast<int>(k))[j] / state.running_sums[k];
  }
}

/// From where the pass is to its end. n_batches_done counts its mini-batches, or blocks, and those before.
void finish_pass(const Problem& p, FitState& state) {
  const Index n_blocks = p.data.grid().n_blocks();
  const bool in_turn = p.options.n_batches == 0;
  const Index n = in_turn ? n_blocks : std::min<Index>(p.options.n_batches, n_blocks);
  const std::vector<int> order =
      batch_order(p.options.seed + state.restart, state.n_iter, in_turn ? 0 : static_cast<int>(n));
  const std::int64_t before = n * state.n_iter;
  for (Index i = state.n_batches_done - before; i < n; i = state.n_batches_done - before) {
    p.observer.safe_point(state);
    if (in_turn) {
      state.n_batches_done = before + take_leg(p, state, i);
    } else {
      take_batch(p, state, order[i], static_cast<int>(n));
      ++state.n_batches_done;
    }
  }
}

}  // namespace

void run_sequential(const Problem& p, FitState& state) {
  if (state.running_sums.empty()) state.running_sums.assign(p.options.n_components, 0.0);
  Stopwatch watch;
  for (;; ++state.n_iter) {
    if (std::ssize(state.traces.inertia) == state.n_iter) {  // a pass that was begun has it already
      p.observer.safe_point(state);
      ++state.n_sweeps;
      const NearestCenter nearest(state.centers, p.data.n_columns(), *p.execution.kernels);
      state.traces.inertia.push_back(
          sweep(p.execution, p.data, nearest, state.centers).objective);
      state.seconds.push_back(watch.lap());
      if (ends_with_inertia(p, state, true)) break;
    }
    finish_pass(p, state);
    ++state.n_sweeps;
  }
  end_with_centers(p, state);
}

}  // namespace gmmpi
