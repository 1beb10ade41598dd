// regress: conditional means and covariances of every row, by every rank for its own rows.
#include "gmmpi/inference/regress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "data/patterns.hpp"
#include "data/selected_columns.hpp"
#include "gmmpi/error.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// What rows of one pattern need: the targets by the columns that they have.
struct GivenPart {
  GivenPart(const Mixture& mixture, std::span<const int> targets, std::span<const int> given,
            const KernelTable& kernels)
      : conditional(make_conditional(mixture, targets, given, kernels)), density(conditional.given, kernels) {
    for (int k = 0; k < conditional.rest.n_components; ++k)
      covariances.push_back(full_covariance(conditional.rest, k));
  }

  Conditional conditional;
  LogDensity density;
  std::vector<std::vector<double>> covariances;  ///< (t, t) of each component
};

/// The rows of a tile by such a part.
class TileRegression {
 public:
  TileRegression(const GivenPart& part, const KernelTable& kernels)
      : part_(part),
        c_(part.conditional),
        posterior_(c_.given, part.density, kernels),
        component_means_(c_.rest.means.size() * kTile),
        stretches_(std::size_t(c_.rest.n_components) * kTile, 1.0),
        scratch_(part.density.scratch_size()) {}

  void evaluate(const Tile& tile) {
    posterior_.evaluate(tile);
    posterior_.require_in_reach(tile);
    set_component_means(tile);
    if (!c_.given.own.empty()) set_stretches(tile);
  }

  double log_density(int r) const { return posterior_.log_density(r); }

  /// E[x_i | x_b].
  double mean(int i, int r) const {
    double sum = 0.0;
    for (int k = 0; k < c_.rest.n_components; ++k)
      if (const double p = posterior_.responsibility(k, r); p > 0.0)  // others may lie anywhere
        sum += p * component_mean(k, i)[r];
    return sum;
  }
  /// Cov[x_i, x_j | x_b], where these are their means.
  double covariance(int i, int j, int r, double mean_i, double mean_j) const {
    const std::size_t t = c_.rest.n_features;
    double sum = 0.0;
    for (int k = 0; k < c_.rest.n_components; ++k)
      if (const double p = posterior_.responsibility(k, r); p > 0.0)
        sum += p * (stretches_[std::size_t(k) * kTile + r] * part_.covariances[k][i * t + j] +
                    (component_mean(k, i)[r] - mean_i) * (component_mean(k, j)[r] - mean_j));
    return sum;
  }

 private:
  double* component_mean(int k, int i) {
    return component_means_.data() + (std::size_t(k) * c_.rest.n_features + i) * kTile;
  }
  const double* component_mean(int k, int i) const {
    return component_means_.data() + (std::size_t(k) * c_.rest.n_features + i) * kTile;
  }

  /// mu_k,a + B_k (x_b - mu_k,b) for all rows of the tile.
  void set_component_means(const Tile& tile) {
    const int K = c_.rest.n_components, t = c_.rest.n_features, n_b = c_.given.n_features;
    const std::size_t step = c_.rest.is_shared() ? 0 : std::size_t(t) * n_b;
    for (int k = 0; k < K; ++k)
      for (int i = 0; i < t; ++i) {
        double* out = component_mean(k, i);
        std::fill_n(out, kTile, c_.rest.means[std::size_t(k) * t + i]);
        for (int j = 0; j < n_b && !c_.slopes.empty(); ++j) {
          const double slope = c_.slopes[k * step + std::size_t(i) * n_b + j];
          const double center = c_.given.means[std::size_t(k) * n_b + j];
          const double* x = tile.xt() + std::size_t(j) * kTile;
          for (int r = 0; r < kTile; ++r) out[r] += slope * (x[r] - center);
        }
      }
  }

  /// By how much the covariances differ from those of the part.
  void set_stretches(const Tile& tile) {
    part_.density.mahalanobis(tile, scratch_.data(), stretches_.data());
    for (std::size_t e = 0; e < stretches_.size(); ++e)
      stretches_[e] =
          c_.given.component->stretch_given(c_.given.own[e / kTile], c_.given.n_features, stretches_[e]);
  }

  const GivenPart& part_;
  const Conditional& c_;
  TilePosterior posterior_;
  std::vector<double> component_means_;      ///< K x t x kTile
  std::vector<double> stretches_, scratch_;  ///< K x kTile
};

/// One thread's work: a block's results, then written as a whole.
class BlockRegression {
 public:
  BlockRegression(const Mixture& mixture, std::span<const int> targets, std::span<const int> given,
                  const RegressOptions& options, bool has_gaps, const KernelTable& kernels)
      : mixture_(mixture),
        targets_(targets),
        given_(given),
        options_(options),
        has_gaps_(has_gaps),
        kernels_(kernels),
        all_given_(mixture, targets, given, kernels),
        of_complete_rows_(all_given_, kernels),
        tile_(static_cast<int>(given.size()), kernels),
        patterns_(static_cast<int>(given.size())) {}

  void run(const Block& block, const RowSink& sink) {
    const std::size_t n = block.n_rows, t = targets_.size();
    mean_.assign(n * t, kNaN);  // what rows that are absent have
    variance_.assign(n * t, kNaN);
    covariance_.assign(options_.covariance ? n * t * t : 0, kNaN);
    log_density_.assign(n, kNaN);
    if (!has_gaps_) {
      add_rows(block, block, of_complete_rows_, tile_);
    } else {
      for (const PatternRows& group : patterns_.split(block)) add_group(block, group);
    }
    std::size_t column = 0;
    const auto put = [&](const std::vector<double>& values) {
      sink.write(column++, block.first_row, block.n_rows, values.data());
    };
    put(mean_);
    put(variance_);
    if (options_.covariance) put(covariance_);
    if (options_.log_density) put(log_density_);
  }

 private:
  void add_group(const Block& block, const PatternRows& group) {
    if (group.pattern->is_complete()) return add_rows(block, group.rows, of_complete_rows_, tile_);
    if (group.pattern->observed.empty()) return;
    std::vector<int> columns;
    for (const int j : group.pattern->observed) columns.push_back(given_[j]);
    const GivenPart part(mixture_, targets_, columns, kernels_);
    TileRegression regression(part, kernels_);
    Tile tile(static_cast<int>(columns.size()), kernels_);
    add_rows(block, group.rows, regression, tile);
  }

  void add_rows(const Block& block, const Block& rows, TileRegression& regression, Tile& tile) {
    for (int offset = 0; offset < rows.n_rows; offset += kTileRows) {
      tile.load(rows, offset);
      regression.evaluate(tile);
      for (int r = 0; r < tile.n_rows(); ++r)
        if (tile.weights()[r] > 0.0)
          set_row(regression, r, static_cast<std::size_t>(tile.row(r) - block.first_row));
    }
  }

  void set_row(const TileRegression& regression, int r, std::size_t row) {
    const int t = static_cast<int>(targets_.size());
    log_density_[row] = regression.log_density(r);
    double* mean = mean_.data() + row * t;
    for (int i = 0; i < t; ++i) mean[i] = regression.mean(i, r);
    for (int i = 0; i < t; ++i)
      for (int j = options_.covariance ? 0 : i; j < (options_.covariance ? t : i + 1); ++j) {
        const double value = regression.covariance(i, j, r, mean[i], mean[j]);
        if (i == j) variance_[row * t + i] = value;
        if (options_.covariance) covariance_[(row * t + i) * t + j] = value;
      }
  }

  const Mixture& mixture_;
  std::span<const int> targets_, given_;
  const RegressOptions& options_;
  bool has_gaps_;
  const KernelTable& kernels_;
  GivenPart all_given_;
  TileRegression of_complete_rows_;
  Tile tile_;
  BlockPatterns patterns_;
  std::vector<double> mean_, variance_, covariance_, log_density_;
};

}  // namespace

std::vector<OutputColumn> regress_columns(const RegressOptions& options,
                                          const std::vector<std::string>& names) {
  using Type = OutputColumn::Type;
  const auto t = std::ssize(names);
  std::vector<OutputColumn> columns{{"/mean", Type::f8, t, 0, names}, {"/variance", Type::f8, t}};
  for (const std::string& name : names) columns.back().names.push_back(name + "_variance");
  if (options.covariance) {
    columns.push_back({"/covariance", Type::f8, t, t});
    for (const std::string& a : names)
      for (const std::string& b : names) columns.back().names.push_back(a + "_" + b + "_covariance");
  }
  if (options.log_density) columns.push_back({"/log_density", Type::f8, 0});
  return columns;
}

void regress(const Execution& execution, const Data& data, const Mixture& mixture,
             const std::vector<int>& targets, const RegressOptions& options, const RowSink& sink) {
  check_column_list(targets, mixture.n_features, 1, "regress");
  const std::vector<int> given = other_columns(targets, mixture.n_features);
  if (data.n_columns() != mixture.n_features && data.n_columns() != std::ssize(given))
    throw Error(ExitCode::bad_data,
                fmt::format("the data have {} columns; give all {} columns of the model, or the {} that are "
                            "not targets",
                            data.n_columns(), mixture.n_features, given.size()));
  std::vector<std::unique_ptr<BlockRegression>> threads;
  for (int t = 0; t < execution.n_threads; ++t)
    threads.push_back(std::make_unique<BlockRegression>(mixture, targets, given, options,
                                                        data.summary().has_gaps(), *execution.kernels));
  std::optional<SelectedColumns> selected;
  if (data.n_columns() == mixture.n_features) selected.emplace(data, given);
  const Data& rows = selected ? *selected : data;
  execution.comm.together([&] {
    rows.for_each_block(execution,
                        [&](const Block& block, int thread) { threads[thread]->run(block, sink); });
  });
}

}  // namespace gmmpi
