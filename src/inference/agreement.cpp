// class_table, agreement: counting, and an optimal matching of components and classes.
#include "gmmpi/inference/agreement.hpp"

#include <numeric>

#include "gmmpi/expect.hpp"
#include "gmmpi/inference/compare.hpp"
#include "inference/matching.hpp"
#include "inference/observed_models.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

std::vector<Index> class_table(const Execution& execution, const Data& data, const Mixture& mixture,
                               const RowLabels& labels) {
  GMMPI_EXPECT(data.n_columns() == mixture.n_features);
  const KernelTable& kernels = *execution.kernels;
  const ObservedModels models(mixture, data.summary(), kernels);
  const std::size_t n_classes = labels.n_classes(), K = mixture.n_components;
  const std::size_t size = (K + mixture.noise.has_value()) * n_classes;
  std::vector<std::vector<Index>> tables(execution.n_threads, std::vector<Index>(size));
  std::vector<ObservedTiles> tiles(execution.n_threads, ObservedTiles(models, ObservedTiles::Rare::together));
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) {
      tiles[thread].for_each(block, [&](const Tile& tile, const ObservedModelPtr& model) {
        TilePosterior posterior(model->part.given, model->density, kernels);
        posterior.evaluate(tile);
        posterior.require_in_reach(tile);
        for (int r = 0; r < tile.n_rows(); ++r) {
          const int known = labels[tile.row(r)], label = posterior.label(r);
          if (known == RowLabels::kUnknown) continue;
          ++tables[thread][(label == TilePosterior::kNoise ? K : label) * n_classes + known];
        }
      });
    });
  });
  for (std::size_t t = 1; t < tables.size(); ++t)
    for (std::size_t e = 0; e < size; ++e) tables[0][e] += tables[t][e];
  execution.comm.sum(tables[0]);
  return tables[0];
}

Agreement agreement(std::span<const Index> table, int n_components, int n_classes) {
  GMMPI_EXPECT(n_classes >= 1 && std::ssize(table) >= Index{n_components} * n_classes);
  Agreement a;
  a.adjusted_rand_index = adjusted_rand_index(table, n_classes);
  a.n_rows = std::accumulate(table.begin(), table.end(), Index{0});
  std::vector<double> cost;
  for (const Index n : table.first(std::size_t(n_components) * n_classes))
    cost.push_back(-static_cast<double>(n));
  a.class_of = optimal_matching(cost, n_components, n_classes);
  Index n_right = 0;
  for (int k = 0; k < n_components; ++k)
    if (a.class_of[k] >= 0) n_right += table[std::size_t(k) * n_classes + a.class_of[k]];
  a.accuracy = static_cast<double>(n_right) / static_cast<double>(a.n_rows);
  return a;
}

}  // namespace gmmpi
