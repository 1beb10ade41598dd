// predict: labels and per-row quantities, by every rank for its own rows.
#include "gmmpi/inference/predict.hpp"

#include <algorithm>
#include <cmath>

#include "model/log_density.hpp"

namespace gmmpi {

namespace {

/// Transposes K x kTile into rows of K values.
std::vector<double> by_row(const std::vector<double>& values, int K, int n_rows) {
  std::vector<double> rows(std::size_t(n_rows) * K);
  for (int r = 0; r < n_rows; ++r)
    for (int k = 0; k < K; ++k) rows[std::size_t(r) * K + k] = values[std::size_t(k) * kTile + r];
  return rows;
}

}  // namespace

std::vector<OutputColumn> predict_columns(const PredictOptions& options, int n_components) {
  using Type = OutputColumn::Type;
  std::vector<OutputColumn> columns{{"/labels", Type::i8, 0}};
  if (options.responsibilities) columns.push_back({"/responsibilities", Type::f8, n_components});
  if (options.log_density) columns.push_back({"/log_density", Type::f8, 0});
  if (options.mahalanobis) columns.push_back({"/mahalanobis", Type::f8, n_components});
  return columns;
}

std::vector<Index> predict(const Execution& execution, const Data& data, const Mixture& mixture,
                           const PredictOptions& options, const RowSink& sink) {
  const int K = mixture.n_components;
  const std::size_t at_responsibilities = 1, at_log_density = at_responsibilities + options.responsibilities,
                    at_mahalanobis = at_log_density + options.log_density;
  const KernelTable& kernels = *execution.kernels;
  const LogDensity density(mixture, kernels);
  std::vector<std::vector<Index>> counts(execution.n_threads, std::vector<Index>(K));
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      Tile tile(data.n_columns());
      std::vector<double> values(std::size_t(K) * kTile), scratch(density.scratch_size());
      double log_density[kTile];
      std::int64_t labels[kTile];
      for (int offset = 0; offset < block.n_rows; offset += kTile) {
        tile.load(block, offset);
        const int n = tile.n_rows();
        const Index row = tile.first_row();
        if (options.mahalanobis) {
          density.mahalanobis(tile, scratch.data(), values.data());
          for (double& v : values) v = std::sqrt(v);
          sink.write(at_mahalanobis, row, n, by_row(values, K, n).data());
        }
        density.log_joint(tile, scratch.data(), values.data());
        for (int r = 0; r < n; ++r) {
          labels[r] = 0;
          for (int k = 1; k < K; ++k)
            if (values[std::size_t(k) * kTile + r] > values[labels[r] * kTile + r]) labels[r] = k;
          ++counts[thread][labels[r]];
        }
        sink.write(0, row, n, labels);
        kernels.responsibilities(K, tile.weights(), kEveryLogShare, values.data(), log_density);
        if (options.log_density) sink.write(at_log_density, row, n, log_density);
        if (options.responsibilities) sink.write(at_responsibilities, row, n, by_row(values, K, n).data());
      }
    });
  });
  for (std::size_t t = 1; t < counts.size(); ++t)
    for (int k = 0; k < K; ++k) counts[0][k] += counts[t][k];
  execution.comm.sum(counts[0]);
  return counts[0];
}

}  // namespace gmmpi
