// gap_clusters: every row looked at, exact sums of weights and values by column.
#include "em/gap_clusters.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>

#include "em/observed_distances.hpp"
#include "em/sweep.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

namespace {

/// Blocks after which limbs are carried: at most 2048 terms each, 2^24 fit.
constexpr Index kBlocksPerCarry = 4096;

/// One thread's part: per centre the weight, the weight of each column's values, and their weighted sums.
struct Part {
  ExactArray sums;
  ExactScalar inertia;
  Tile tile;
  ObservedDistances distances;
  std::vector<double> squared, terms;
  Index n_blocks = 0;

  Part(const ExactArray& empty, int K, int d, const KernelTable& kernels)
      : sums(empty),
        tile(d, kernels),
        distances(d, true, kernels),
        squared(std::size_t(K) * kTile),
        terms(1 + 2 * d) {}

  void add(const Block& block, const std::vector<double>& centers, int d) {
    const int K = static_cast<int>(centers.size()) / d;
    for (int offset = 0; offset < block.n_rows; offset += kTile) {
      tile.load(block, offset);
      distances.compute(tile, K, centers.data(), squared.data());
      for (int r = 0; r < tile.n_rows(); ++r)
        if (tile.weights()[r] > 0.0) add_row(r, K, d);
    }
    if (++n_blocks % kBlocksPerCarry == 0) sums.normalise();
  }

  void add_row(int r, int K, int d) {
    int nearest = 0;
    for (int k = 1; k < K; ++k)
      if (squared[std::size_t(k) * kTile + r] < squared[std::size_t(nearest) * kTile + r]) nearest = k;
    const double weight = tile.weights()[r];
    terms[0] = weight;
    for (int j = 0; j < d; ++j) {
      const double x = tile.xt()[std::size_t(j) * kTile + r];
      terms[1 + j] = std::isnan(x) ? 0.0 : weight;
      terms[1 + d + j] = std::isnan(x) ? 0.0 : weight * x;
    }
    sums.add(terms, std::size_t(nearest) * terms.size());
    inertia.add(weight * squared[std::size_t(nearest) * kTile + r]);
  }
};

ExactArray empty_sums(const DataSummary& summary, std::size_t K) {
  const double weight = summary.total_weight * 1.0001;
  const std::size_t d = summary.minimum.size();
  std::vector<double> bounds;
  for (std::size_t k = 0; k < K; ++k) {
    bounds.insert(bounds.end(), 1 + d, weight);
    for (std::size_t j = 0; j < d; ++j)
      bounds.push_back(weight * std::max(std::abs(summary.minimum[j]), std::abs(summary.maximum[j])));
  }
  return ExactArray(bounds);
}

}  // namespace

GapClusters gap_clusters(const Execution& execution, const Data& data, const std::vector<double>& centers) {
  const std::size_t d = data.n_columns(), K = centers.size() / d;
  const ExactArray empty = empty_sums(data.summary(), K);
  std::vector<std::unique_ptr<Part>> parts(execution.n_threads);
  const std::exception_ptr failure = failure_of_blocks(execution, data, [&](const Block& block, int thread) {
    auto& part = parts[thread];
    if (!part)
      part = std::make_unique<Part>(empty, static_cast<int>(K), data.n_columns(), *execution.kernels);
    part->add(block, centers, data.n_columns());
  });
  ExactArray all = empty;
  ExactScalar inertia;
  for (const auto& part : parts) {
    if (!part) continue;
    part->sums.normalise();
    all.add(part->sums);
    inertia.add(part->inertia);
  }
  ExactMessage().add(all).add(inertia).sum(execution.comm, failure);
  GapClusters out;
  out.inertia = inertia.value();
  for (std::size_t k = 0, first = 0; k < K; ++k, first += 1 + 2 * d) {
    const double weight = all.value(first);
    out.sums.push_back(weight);
    for (std::size_t j = 0; j < d; ++j) {
      const double there = all.value(first + 1 + j);
      out.sums.push_back(weight * (there > 0.0 ? all.value(first + 1 + d + j) / there : centers[k * d + j]));
    }
  }
  return out;
}

}  // namespace gmmpi
