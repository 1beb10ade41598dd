// score: one pass for the log-likelihood and the entropy of the assignment, or what the fit's last pass told.
#include "gmmpi/inference/score.hpp"

#include <vector>

#include "data/row_sums.hpp"
#include "gmmpi/expect.hpp"
#include "inference/nearest_means.hpp"
#include "inference/observed_models.hpp"

namespace gmmpi {

namespace {

Score criteria(const KernelTable& kernels, double log_likelihood, double map_entropy, double weight,
               std::int64_t n_parameters) {
  const auto p = static_cast<double>(n_parameters);
  double log_weight = 0.0;
  kernels.log(1, &weight, &log_weight);
  Score s;
  s.log_likelihood = log_likelihood;
  s.mean_log_likelihood = log_likelihood / weight;
  s.map_entropy = map_entropy;
  s.aic = -2.0 * log_likelihood + 2.0 * p;
  s.bic = -2.0 * log_likelihood + p * log_weight;
  s.icl = s.bic + 2.0 * s.map_entropy;
  return s;
}

/// Log density, entropy and, by the nearest mean, squared distance of each row.
void score_tile(const Tile& tile, const ObservedModel& model, const ScoreOptions& options, double* values) {
  const LogDensity& density = model.density;
  const KernelTable& kernels = density.kernels();
  const int n = density.n_shares();
  std::vector<double> joint(std::size_t(n) * kTile), scratch(density.scratch_size());
  double* log_density = values;
  double* entropy = values + kTile;
  double largest[kTile], known[kTile];
  density.log_shares(tile, scratch.data(), joint.data());
  largest_shares(n, joint.data(), largest);
  for (int r = 0; options.labels && r < tile.n_rows(); ++r)
    if (const int k = (*options.labels)[tile.row(r)]; k >= 0) known[r] = joint[std::size_t(k) * kTile + r];
  kernels.responsibilities(n, tile.weights(), kLeastLogShare, joint.data(), log_density);
  require_in_reach(tile, log_density, ExitCode::bad_data);
  for (int r = 0; r < kTile; ++r) entropy[r] = log_density[r] - largest[r];
  for (int r = 0; options.labels && r < tile.n_rows(); ++r)
    if ((*options.labels)[tile.row(r)] >= 0) log_density[r] = known[r], entropy[r] = 0.0;
  if (model.part.given.label_rule == LabelRule::nearest)
    NearestMeans(model.part.given, kernels).assign(tile, tile.weights(), joint.data(), values + 2 * kTile);
}

}  // namespace

Score score(const Execution& execution, const Data& data, const Mixture& mixture,
            const ScoreOptions& options) {
  GMMPI_EXPECT(data.n_columns() == mixture.n_features);
  GMMPI_EXPECT(!options.labels || options.labels->n_classes() <= mixture.n_components);
  const KernelTable& kernels = *execution.kernels;
  const ObservedModels models(mixture, data.summary(), kernels);
  const bool nearest = mixture.label_rule == LabelRule::nearest;
  std::vector<ObservedTiles> tiles(execution.n_threads, ObservedTiles(models, ObservedTiles::Rare::together));
  const std::vector<double> sums = sum_over_blocks(
      execution, data, nearest ? 3 : 2, [&](const Block& block, int thread, BlockTotals& totals) {
        tiles[thread].for_each(block, [&](const Tile& tile, const ObservedModelPtr& model) {
          score_tile(tile, *model, options, totals.values());
          totals.add(tile);
        });
      });
  Score s = criteria(kernels, sums[0], sums[1], data.summary().total_weight,
                     options.n_parameters.value_or(mixture.n_parameters()));
  if (nearest) s.inertia = sums[2];
  return s;
}

Score score_of_fit(const Execution& execution, const Data& data, const FitResult& fit,
                   const ScoreOptions& options) {
  if (!fit.map_entropy || fit.model.label_rule == LabelRule::nearest)
    return score(execution, data, fit.model, options);
  return criteria(*execution.kernels, fit.log_likelihood(), *fit.map_entropy, data.summary().total_weight,
                  options.n_parameters.value_or(fit.model.n_parameters()));
}

}  // namespace gmmpi
