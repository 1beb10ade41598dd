// find_extreme_row: every block's row of least or largest value, and the one of them all.
#include <memory>
#include <optional>

#include "em/gaps.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

struct Best {
  double value = 0.0;
  Index row = -1;

  bool beats(const Best& other) const {
    return row >= 0 && (other.row < 0 || value < other.value || (value == other.value && row < other.row));
  }
};

/// The row of lowest (or highest, with the negative) value of these.
Best best_of(const Block& block, const Assignment& assignment, int n_columns, const KernelTable& kernels,
             bool highest) {
  Best best;
  Tile tile(n_columns, kernels);
  std::vector<double> gamma(std::size_t(assignment.n_components()) * kTile),
      scratch(assignment.scratch_size()), value(std::size_t(assignment.n_values()) * kTile);
  for (int offset = 0; offset < block.n_rows; offset += kTile) {
    tile.load(block, offset);
    assignment.assign(std::span(&tile, 1), scratch.data(), gamma.data(), value.data());
    for (int r = 0; r < tile.n_rows(); ++r)
      if (const Best candidate{highest ? -value[r] : value[r], tile.row(r)};
          tile.weights()[r] > 0.0 && candidate.beats(best))
        best = candidate;
  }
  return best;
}

/// Collective. A row of any rank.
std::vector<double> row_of_all(const Execution& execution, const Data& data, Index row) {
  const Index block = row / data.grid().block_rows();
  const bool mine = block >= data.first_block() && block < data.last_block();
  std::vector<double> x;
  execution.comm.together([&] {  // the row may have to be read from a file
    if (mine) x = data.row(row);
  });
  return execution.comm.all_gather(std::span<const double>(x));
}

}  // namespace

FoundRow find_extreme_row(const Execution& execution, const Data& data, const Assignment& assignment,
                          bool highest) {
  const KernelTable& kernels = *execution.kernels;
  const int d = data.n_columns();
  std::vector<Best> best(execution.n_threads);
  const auto look = [&](const Block& block, const Assignment& rows, int n_columns, int thread) {
    if (const Best found = best_of(block, rows, n_columns, kernels, highest); found.beats(best[thread]))
      best[thread] = found;
  };
  const MomentLayout layout{assignment.n_components(), d};
  const std::vector<double> anywhere(std::size_t(layout.K) * d);
  std::optional<PatternPasses> patterns;
  const bool heeds_errors = assignment.heeds_errors(data.summary());
  if (data.summary().has_gaps() && !heeds_errors)
    patterns.emplace(assignment, layout, anywhere, nullptr, data.summary());
  execution.comm.rethrow_anywhere(failure_of_blocks(execution, data, [&](const Block& block, int thread) {
    Block rows = block;
    rows.rowwise = heeds_errors;
    if (!patterns) return look(rows, assignment, d, thread);
    BlockPatterns groups(d);
    for (const PatternRows& group : groups.split(block))
      look(group.rows, *patterns->of(*group.pattern)->rows, static_cast<int>(group.pattern->observed.size()),
           thread);
  }));
  const std::vector<Best> all = execution.comm.all_gather(std::span<const Best>(best));
  Best winner;
  for (const Best& candidate : all)
    if (candidate.beats(winner)) winner = candidate;
  GMMPI_EXPECT(winner.row >= 0);
  return {winner.row, highest ? -winner.value : winner.value,
          without_gaps(row_of_all(execution, data, winner.row), data.summary())};
}

}  // namespace gmmpi
