// Comparing mixtures: matching, Monte Carlo divergence, agreement of labels.
#include "gmmpi/inference/compare.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/row_sums.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "inference/comparable.hpp"
#include "inference/drawn_data.hpp"
#include "inference/matching.hpp"
#include "inference/tile_posterior.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

constexpr double kMostRatio = 1e150;  ///< its square is finite

void require_same_kind(const Mixture& a, const Mixture& b) {
  require_no_noise(a, "the first model");
  require_no_noise(b, "the second model");
  if (a.component != b.component)
    throw Error(ExitCode::bad_data, "one model is a " + std::string(a.component->title()) + " and one a " +
                                        std::string(b.component->title()) +
                                        " mixture; compare models of the same distribution");
  if (a.n_features != b.n_features)
    throw Error(ExitCode::bad_data, "the models have " + std::to_string(a.n_features) + " and " +
                                        std::to_string(b.n_features) +
                                        " columns; compare models of the same columns");
}

/// The Euclidean norm, of numbers in any unit.
double norm(const std::vector<double>& values) {
  double largest = 0.0, sum = 0.0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  if (largest == 0.0) return 0.0;
  for (const double v : values) sum += (v / largest) * (v / largest);
  return largest * std::sqrt(sum);
}

/// The errors of a pair; both mixtures of the same kind, covariances not shared.
ComponentMatch compare_pair(const Mixture& a, int k, const Mixture& b, int l, double distance) {
  const auto change = [](std::span<const double> from, std::span<const double> to) {
    std::vector<double> out(to.begin(), to.end());
    for (std::size_t e = 0; e < out.size(); ++e) out[e] -= from[e];
    return norm(out);
  };
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  ComponentMatch match{.a = k,
                       .b = l,
                       .distance = distance,
                       .weight_error = b.weights[l] - a.weights[k],
                       .mean_error = change(a.mean(k), b.mean(l)),
                       .mean_mahalanobis = none,
                       .covariance_error = none};
  if (!a.component->has_covariances()) return match;
  double squared = 0.0;
  for (const double y : a.whitened(k, b.mean(l))) squared += y * y;
  const std::size_t stride = a.layout().stride(a.n_features);
  const std::span<const double> s(a.covariance(k), stride), t(b.covariance(l), stride);
  match.mean_mahalanobis = std::sqrt(squared);
  match.covariance_error = change(s, t) / norm({s.begin(), s.end()});
  return match;
}

}  // namespace

std::vector<ComponentMatch> match_components(const Execution& execution, const Mixture& a, const Mixture& b) {
  require_same_kind(a, b);
  const KernelTable& kernels = *execution.kernels;
  const CovarianceStructure& structure = comparable(a, b);
  const Mixture same_a = with_structure(a, structure, kernels),
                same_b = with_structure(b, structure, kernels);
  std::vector<double> cost(std::size_t(a.n_components) * b.n_components);
  for_each_index(0, a.n_components, execution.n_threads, [&](std::int64_t k, int) {
    const std::vector<double> row =
        same_a.component->bhattacharyya(same_a, static_cast<int>(k), same_b, kernels);
    std::ranges::copy(row, cost.begin() + k * b.n_components);
  });
  const std::vector<int> partner = optimal_matching(cost, a.n_components, b.n_components);
  std::vector<ComponentMatch> matches;
  for (int k = 0; k < a.n_components; ++k)
    if (partner[k] >= 0)
      matches.push_back(
          compare_pair(same_a, k, same_b, partner[k], cost[std::size_t(k) * b.n_components + partner[k]]));
  return matches;
}

MonteCarlo kl_divergence(const Execution& execution, const Mixture& p, const Mixture& q, Index n_rows,
                         std::uint64_t seed) {
  require_same_kind(p, q);
  GMMPI_EXPECT(n_rows >= 2);
  const KernelTable& kernels = *execution.kernels;
  const DrawnData drawn(execution, p, n_rows, seed);
  const LogDensity density_p(p, kernels), density_q(q, kernels);
  const auto log_ratios = [&](const Tile& tile, double* values) {
    TilePosterior under_p(p, density_p, kernels), under_q(q, density_q, kernels);
    under_p.evaluate(tile);
    under_q.evaluate(tile);
    std::fill_n(values, kTile, 0.0);
    for (int r = 0; r < tile.n_rows(); ++r) {
      values[r] = under_p.log_density(r) - under_q.log_density(r);
      if (!(std::abs(values[r]) < kMostRatio))
        throw Error(ExitCode::numerical,
                    "the models are so far apart that log density ratios exceed 1e150; compare models of the "
                    "same columns");
    }
  };
  // About that of the first row, so that a spread that is small beside the mean keeps its digits.
  const std::vector<double> row = drawn.row(0);
  Block block;
  block.n_rows = 1;
  block.rows = row.data();
  Tile tile_of_first(p.n_features, kernels);
  tile_of_first.load(block, 0);
  double of_first[kTile];
  log_ratios(tile_of_first, of_first);
  const std::vector<double> sums = sum_over_rows(execution, drawn, 2, [&](const Tile& tile, double* values) {
    log_ratios(tile, values);
    for (int r = 0; r < kTile; ++r) {
      values[r] -= of_first[0];
      values[kTile + r] = values[r] * values[r];
    }
  });
  const auto n = static_cast<double>(n_rows);
  const double mean = sums[0] / n, variance = std::max(0.0, sums[1] - sums[0] * mean) / (n - 1.0);
  return {of_first[0] + mean, std::sqrt(variance / n)};
}

std::vector<Index> label_table(const Execution& execution, const Data& data, const Mixture& a,
                               const Mixture& b) {
  require_same_kind(a, b);
  GMMPI_EXPECT(data.n_columns() == a.n_features);
  const KernelTable& kernels = *execution.kernels;
  const LogDensity density_a(a, kernels), density_b(b, kernels);
  const std::size_t size = std::size_t(a.n_components) * b.n_components;
  std::vector<std::vector<Index>> tables(execution.n_threads, std::vector<Index>(size));
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      Tile tile(data.n_columns(), *execution.kernels);
      TilePosterior under_a(a, density_a, kernels), under_b(b, density_b, kernels);
      for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
        tile.load(block, offset);
        under_a.evaluate(tile);
        under_b.evaluate(tile);
        under_a.require_in_reach(tile);
        under_b.require_in_reach(tile);
        for (int r = 0; r < tile.n_rows(); ++r)
          if (tile.weights()[r] > 0.0)
            ++tables[thread][std::size_t(under_a.label(r)) * b.n_components + under_b.label(r)];
      }
    });
  });
  for (std::size_t t = 1; t < tables.size(); ++t)
    for (std::size_t e = 0; e < size; ++e) tables[0][e] += tables[t][e];
  execution.comm.sum(tables[0]);
  return tables[0];
}

std::vector<Index> drawn_label_table(const Execution& execution, const Mixture& a, const Mixture& b,
                                     Index n_rows, std::uint64_t seed) {
  std::vector<Index> table = label_table(execution, DrawnData(execution, a, n_rows, seed), a, b);
  const std::vector<Index> of_b = label_table(execution, DrawnData(execution, b, n_rows, seed), a, b);
  for (std::size_t e = 0; e < table.size(); ++e) table[e] += of_b[e];
  return table;
}

double adjusted_rand_index(std::span<const Index> table, int n_columns) {
  const auto pairs = [](Index n) { return 0.5 * static_cast<double>(n) * static_cast<double>(n - 1); };
  std::vector<Index> row_sums(table.size() / n_columns), column_sums(n_columns);
  double together = 0.0, in_rows = 0.0, in_columns = 0.0;
  Index n = 0;
  for (std::size_t e = 0; e < table.size(); ++e) {
    row_sums[e / n_columns] += table[e];
    column_sums[e % n_columns] += table[e];
    together += pairs(table[e]);
    n += table[e];
  }
  for (const Index sum : row_sums) in_rows += pairs(sum);
  for (const Index sum : column_sums) in_columns += pairs(sum);
  // The same pairs are together in both: the same partition, even where nothing could be expected otherwise.
  if (together == in_rows && together == in_columns) return 1.0;
  const double expected = in_rows * (in_columns / pairs(n));
  return (together - expected) / (0.5 * (in_rows + in_columns) - expected);
}

}  // namespace gmmpi
