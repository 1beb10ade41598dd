// predict: labels and per-row quantities, by every rank for its own rows.
#include "gmmpi/inference/predict.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "gmmpi/expect.hpp"
#include "inference/observed_models.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// |U_k^T (x - mu_k)|, also where its square would overflow.
double mahalanobis_distance(const Mixture& m, int k, const double* x) {
  const std::vector<double> y = m.whitened(k, {x, std::size_t(m.n_features)});
  double largest = 0.0, sum = 0.0;
  for (const double v : y) largest = std::max(largest, std::abs(v));
  for (const double v : y) sum += v / largest * (v / largest);
  return largest * std::sqrt(sum);
}

/// One thread's work: a block's results, tile by tile, then written as a whole.
class BlockPrediction {
 public:
  BlockPrediction(const PredictOptions& options, const ObservedModels& models)
      : options_(options),
        n_components_(models.of_complete_rows()->density.n_components()),
        n_shares_(models.of_complete_rows()->density.n_shares()),
        tiles_(models, ObservedTiles::Rare::together),
        squared_(std::size_t(n_components_) * kTile) {
    counts_.labels.resize(n_components_);
  }

  void run(const Block& block, const RowSink& sink) {
    const std::size_t n = block.n_rows;
    labels_.assign(n, TilePosterior::kNoise);  // what rows that are absent have
    outliers_.assign(n, 0);
    log_density_.assign(n, kNaN);
    responsibilities_.assign(options_.responsibilities ? n * n_shares_ : 0, kNaN);
    mahalanobis_.assign(options_.mahalanobis ? n * n_components_ : 0, kNaN);
    tiles_.for_each(block, [&](const Tile& tile, const ObservedModelPtr& model) {
      take(model);
      posterior_->evaluate(tile);
      posterior_->require_in_reach(tile);
      scratch_.resize(model->density.scratch_size());
      if (needs_distances()) model->density.mahalanobis(tile, scratch_.data(), squared_.data());
      for (int r = 0; r < tile.n_rows(); ++r)
        if (tile.weights()[r] > 0.0)
          set_row(tile, r, static_cast<std::size_t>(tile.row(r) - block.first_row));
    });
    write(block, sink);
  }

  const PredictCounts& counts() const { return counts_; }

 private:
  bool has_distance_test() const { return options_.outliers && options_.outliers->rule == OutlierRule::chi2; }
  bool needs_distances() const { return options_.mahalanobis || has_distance_test(); }
  double squared(int k, int r) const { return squared_[std::size_t(k) * kTile + r]; }

  /// The model of the tile at hand, and what follows from it.
  void take(const ObservedModelPtr& model) {
    if (model == model_) return;
    posterior_.emplace(model->part.given, model->density, model->density.kernels());
    model_ = model;
    farthest_.assign(model->part.given.n_features + 1, {});
  }

  /// (K) squared distances that outliers of so many columns exceed.
  const std::vector<double>& farthest(int n_columns) {
    std::vector<double>& distances = farthest_[n_columns];
    if (!distances.empty()) return distances;
    const Mixture& mixture = model_->part.given;
    if (model_->pattern.is_complete() && n_columns == mixture.n_features)
      return distances = options_.outliers->distances;
    std::vector<int> columns(n_columns);
    std::iota(columns.begin(), columns.end(), 0);
    const Mixture part = selected_columns(mixture, columns);
    for (int k = 0; k < n_components_; ++k)
      distances.push_back(
          mixture.component->distance_quantile(part, k, options_.outliers->share, model_->density.kernels()));
    return distances;
  }

  void set_row(const Tile& tile, int r, std::size_t row) {
    const int label = posterior_->label(r);
    const int n_columns =
        tile.is_partial() ? static_cast<int>(tile.n_observed()[r]) : model_->part.given.n_features;
    const bool outlier = options_.outliers && is_outlier(*options_.outliers, r, n_columns);
    ++(label == TilePosterior::kNoise ? counts_.noise : counts_.labels[label]);
    counts_.outliers += outlier;
    labels_[row] = label;
    outliers_[row] = outlier;
    log_density_[row] = posterior_->log_density(r);
    for (int k = 0; k < n_shares_ && options_.responsibilities; ++k)
      responsibilities_[row * n_shares_ + k] = posterior_->responsibility(k, r);
    for (int k = 0; k < n_components_ && options_.mahalanobis; ++k)
      mahalanobis_[row * n_components_ + k] = distance(tile, k, r);
  }

  double distance(const Tile& tile, int k, int r) const {
    if (std::isfinite(squared(k, r))) return std::sqrt(squared(k, r));
    const Mixture& mixture = model_->part.given;
    return mahalanobis_distance(mixture, k, tile.x() + std::int64_t{r} * padded(mixture.n_features));
  }

  bool is_outlier(const OutlierTest& test, int r, int n_columns) {
    if (test.rule != OutlierRule::chi2) return posterior_->log_density(r) < test.threshold;
    for (int k = 0; k < n_components_; ++k)
      if (model_->part.given.weights[k] > 0.0 && squared(k, r) <= farthest(n_columns)[k]) return false;
    return true;
  }

  void write(const Block& block, const RowSink& sink) const {
    std::size_t column = 0;
    const auto put = [&](bool wanted, const void* values) {
      if (wanted) sink.write(column++, block.first_row, block.n_rows, values);
    };
    put(options_.labels, labels_.data());
    put(options_.responsibilities, responsibilities_.data());
    put(options_.log_density, log_density_.data());
    put(options_.mahalanobis, mahalanobis_.data());
    put(options_.outliers.has_value(), outliers_.data());
  }

  const PredictOptions& options_;
  int n_components_, n_shares_;
  ObservedTiles tiles_;
  ObservedModelPtr model_;  ///< of the last tile
  std::optional<TilePosterior> posterior_;
  std::vector<std::vector<double>> farthest_;  ///< by the number of columns that a row has
  std::vector<double> scratch_, squared_, responsibilities_, log_density_, mahalanobis_;
  std::vector<std::int64_t> labels_, outliers_;
  PredictCounts counts_;
};

}  // namespace

std::vector<OutputColumn> predict_columns(const PredictOptions& options, const Mixture& mixture) {
  const int K = mixture.n_components;
  using Type = OutputColumn::Type;
  std::vector<OutputColumn> columns;
  if (options.labels) columns.push_back({"/labels", Type::i8, 0, 0, {"label"}});
  if (options.responsibilities) {
    columns.push_back({"/responsibilities", Type::f8, mixture.noise ? K + 1 : K});
    for (int k = 0; k < K; ++k) columns.back().names.emplace_back("p").append(std::to_string(k));
    if (mixture.noise) columns.back().names.push_back("p_noise");
  }
  if (options.log_density) columns.push_back({"/log_density", Type::f8, 0});
  if (options.mahalanobis) columns.push_back({"/mahalanobis", Type::f8, K});
  if (options.outliers) columns.push_back({"/outliers", Type::i8, 0, 0, {"outlier"}});
  return columns;
}

PredictCounts predict(const Execution& execution, const Data& data, const Mixture& mixture,
                      const PredictOptions& options, const RowSink& sink) {
  GMMPI_EXPECT(data.n_columns() == mixture.n_features);
  if (options.outliers) require_comparable_rows(*options.outliers, data.summary());
  const ObservedModels models(mixture, data.summary(), *execution.kernels);
  std::vector<BlockPrediction> threads;
  for (int t = 0; t < execution.n_threads; ++t) threads.emplace_back(options, models);
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int thread) { threads[thread].run(block, sink); });
  });
  const int K = mixture.n_components;
  std::vector<Index> sums(K + 2);
  for (const BlockPrediction& one : threads) {
    for (int k = 0; k < K; ++k) sums[k] += one.counts().labels[k];
    sums[K] += one.counts().noise;
    sums[K + 1] += one.counts().outliers;
  }
  execution.comm.sum(sums);
  return {{sums.begin(), sums.begin() + K}, sums[K], sums[K + 1]};
}

}  // namespace gmmpi
