// predict: labels and per-row quantities, by every rank for its own rows.
#include "gmmpi/inference/predict.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/expect.hpp"
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
  BlockPrediction(const PredictOptions& options, const LogDensity& density, const Mixture& mixture,
                  const KernelTable& kernels)
      : options_(options),
        mixture_(mixture),
        density_(density),
        posterior_(mixture, density, kernels),
        tile_(mixture.n_features, kernels),
        scratch_(density.scratch_size()),
        squared_(std::size_t(mixture.n_components) * kTile) {
    counts_.labels.resize(mixture.n_components);
  }

  void run(const Block& block, const RowSink& sink) {
    for (auto* values : {&responsibilities_, &log_density_, &mahalanobis_}) values->clear();
    labels_.clear();
    outliers_.clear();
    for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
      tile_.load(block, offset);
      posterior_.evaluate(tile_);
      posterior_.require_in_reach(tile_);
      if (needs_distances()) density_.mahalanobis(tile_, scratch_.data(), squared_.data());
      for (int r = 0; r < tile_.n_rows(); ++r) add_row(r);
    }
    write(block, sink);
  }

  const PredictCounts& counts() const { return counts_; }

 private:
  bool needs_distances() const {
    return options_.mahalanobis || (options_.outliers && options_.outliers->rule == OutlierRule::chi2);
  }
  double squared(int k, int r) const { return squared_[std::size_t(k) * kTile + r]; }

  void add_row(int r) {
    const bool absent = tile_.weights()[r] == 0.0;
    const int K = mixture_.n_components, label = absent ? TilePosterior::kNoise : posterior_.label(r);
    const bool outlier = !absent && options_.outliers && is_outlier(*options_.outliers, r);
    if (!absent) ++(label == TilePosterior::kNoise ? counts_.noise : counts_.labels[label]);
    counts_.outliers += outlier;
    labels_.push_back(label);
    outliers_.push_back(outlier);
    log_density_.push_back(absent ? kNaN : posterior_.log_density(r));
    for (int k = 0; k < density_.n_shares() && options_.responsibilities; ++k)
      responsibilities_.push_back(absent ? kNaN : posterior_.responsibility(k, r));
    for (int k = 0; k < K && options_.mahalanobis; ++k)
      mahalanobis_.push_back(absent ? kNaN : distance(k, r));
  }

  double distance(int k, int r) const {
    if (std::isfinite(squared(k, r))) return std::sqrt(squared(k, r));
    return mahalanobis_distance(mixture_, k, tile_.x() + std::int64_t{r} * padded(mixture_.n_features));
  }

  bool is_outlier(const OutlierTest& test, int r) const {
    if (test.rule != OutlierRule::chi2) return posterior_.log_density(r) < test.threshold;
    for (int k = 0; k < mixture_.n_components; ++k)
      if (mixture_.weights[k] > 0.0 && squared(k, r) <= test.distances[k]) return false;
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
  const Mixture& mixture_;
  const LogDensity& density_;
  TilePosterior posterior_;
  Tile tile_;
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
  const LogDensity density(mixture, *execution.kernels);
  std::vector<BlockPrediction> threads(execution.n_threads,
                                       BlockPrediction(options, density, mixture, *execution.kernels));
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
