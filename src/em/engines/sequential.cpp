// sequential: every row, or every mini-batch, moves the means at once.
#include <algorithm>

#include "data/batch_data.hpp"
#include "em/assignments.hpp"
#include "em/batches.hpp"
#include "em/engines/centers_loop.hpp"
#include "em/engines/engines.hpp"
#include "gmmpi/em/engine_options.hpp"

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

struct SequentialState {
  std::vector<double> counts;       ///< (K) N_k, the weight of the rows that moved each centre
  std::int64_t n_batches_done = 0;  ///< mini-batches, or blocks where rows are taken one by one

  std::vector<StateField> fields() {
    return {{"state", "running_sums", &counts}, {"state", "n_batches_done", &n_batches_done}};
  }
};

/// The rows of some blocks from `block` on, all of one rank; returns where they end.
Index take_leg(const Problem& p, FitState& state, std::vector<double>& counts, Index block) {
  const Communicator& comm = p.execution.comm;
  const BlockGrid& grid = p.data.grid();
  const int owner = owner_of(grid, block, comm.size());
  const Index end = std::min(block + kLegBlocks, grid.first_block(owner + 1, comm.size()));
  comm.together([&] {
    if (comm.rank() != owner) return;
    Execution in_order = p.execution;
    in_order.n_threads = 1;
    RowByRow means(state.centers, counts, p.data.n_columns());
    for (Index b = block; b < end; ++b)
      p.data.for_chosen_blocks(in_order, {grid.n_blocks(), b},
                               [&](const Block& rows, int) { means.take(rows); });
    means.store(state.centers, counts);
  });
  comm.broadcast(std::as_writable_bytes(std::span(state.centers)), owner);
  comm.broadcast(std::as_writable_bytes(std::span(counts)), owner);
  return end;
}

/// All rows of a mini-batch go to the means that it met, and their exact sums move these.
void take_batch(const Problem& p, FitState& state, std::vector<double>& counts, int batch, int n_batches) {
  const BatchData data(p.data, {n_batches, batch});
  const std::size_t d = p.data.n_columns();
  const Moments seen =
      sweep(p.execution, data, NearestCenter(state.centers, p.data.n_columns(), *p.execution.kernels),
            state.centers);
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (seen.counts()[k] == 0.0) continue;
    counts[k] += seen.counts()[k];
    for (std::size_t j = 0; j < d; ++j)
      state.centers[k * d + j] += seen.first(static_cast<int>(k))[j] / counts[k];
  }
}

/// From where the pass is to its end.
void finish_pass(const Problem& p, int n_batches, FitState& state) {
  auto& own = state.engine.as<SequentialState>();
  const Index n_blocks = p.data.grid().n_blocks();
  const bool in_turn = n_batches == 0;
  const Index n = in_turn ? n_blocks : std::min<Index>(n_batches, n_blocks);
  const std::vector<int> order =
      batch_order(p.options.seed + state.restart, state.n_iter, in_turn ? 0 : static_cast<int>(n));
  const std::int64_t before = n * state.n_iter;
  for (Index i = own.n_batches_done - before; i < n; i = own.n_batches_done - before) {
    p.observer.safe_point(state);
    if (in_turn) {
      own.n_batches_done = before + take_leg(p, state, own.counts, i);
    } else {
      take_batch(p, state, own.counts, order[i], static_cast<int>(n));
      ++own.n_batches_done;
    }
  }
}

/// Passes over the rows in which the mean k nearest to row n moves by
///     N_k += w_n,  mu_k += w_n / N_k (x_n - mu_k),                         Bishop (2006), 2.3.5 and 9.5
/// N_k from 0 (MacQueen 1967): one row after the other, in the order of their numbers, each rank in turn.
/// With mini-batches all rows of one are assigned to the means that it met, and their exact sums move these
/// likewise (Sculley 2010), on all ranks and threads. The N_k go on from pass to pass.
class Sequential final : public CentersEngine {
 public:
  std::string_view name() const override { return "sequential"; }
  std::string_view summary() const override { return "means that every row moves at once"; }
  bool works_in_passes() const override { return true; }
  int usual_max_iter() const override { return 1; }

  EngineOptions options() const override { return SequentialOptions(); }
  void check(const FitOptions& options) const override {
    if (own_options<SequentialOptions>(options).n_batches < 0)
      throw Error(ExitCode::usage, "`batches` must be at least 1");
  }
  EngineState state(const FitOptions& options) const override {
    return SequentialState{std::vector<double>(options.n_components), 0};
  }
  void run(const Problem& problem, FitState& state) const override;
};

void Sequential::run(const Problem& p, FitState& state) const {
  const int n_batches = own_options<SequentialOptions>(p.options).n_batches;
  Stopwatch watch;
  for (;; ++state.n_iter) {
    if (std::ssize(state.traces[kInertia]) == state.n_iter) {  // a pass that was begun has it already
      p.observer.safe_point(state);
      ++state.n_sweeps;
      const NearestCenter nearest(state.centers, p.data.n_columns(), *p.execution.kernels);
      state.traces[kInertia].push_back(sweep(p.execution, p.data, nearest, state.centers).objective);
      state.seconds.push_back(watch.lap());
      if (ends_with_inertia(p, state, true)) break;
    }
    finish_pass(p, n_batches, state);
    ++state.n_sweeps;
  }
  end_with_centers(p, state);
}

}  // namespace

std::vector<OptionField> SequentialOptions::fields() {
  return {
      {"batches", "N", "the same, for all ranks to work on (default: none, rows one by one)", &n_batches}};
}

const Engine& sequential_engine() {
  static const Sequential engine;
  return engine;
}

}  // namespace gmmpi
