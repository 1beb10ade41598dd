// regress: conditional means and covariances of every row, by every rank for its own rows.
#include "gmmpi/inference/regress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "data/selected_columns.hpp"
#include "gmmpi/error.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

namespace {

/// One thread's work: a block's results, tile by tile, then written as a whole.
class BlockRegression {
 public:
  BlockRegression(const Conditional& conditional, const LogDensity& density, const RegressOptions& options,
                  const KernelTable& kernels)
      : c_(conditional),
        options_(options),
        posterior_(conditional.given, density, kernels),
        tile_(c_.given.n_features, kernels),
        density_(density),
        component_means_(c_.rest.means.size() * kTile),
        stretches_(std::size_t(c_.rest.n_components) * kTile, 1.0),
        scratch_(density.scratch_size()) {
    for (int k = 0; k < c_.rest.n_components; ++k) covariances_.push_back(full_covariance(c_.rest, k));
  }

  void run(const Block& block, const RowSink& sink) {
    for (auto* values : {&mean_, &variance_, &covariance_, &log_density_}) values->clear();
    for (int offset = 0; offset < block.n_rows; offset += kTileRows) {
      tile_.load(block, offset);
      posterior_.evaluate(tile_);
      posterior_.require_in_reach(tile_);
      set_component_means();
      if (!c_.given.own.empty()) set_stretches();
      for (int r = 0; r < tile_.n_rows(); ++r) add_row(r);
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
  int n_targets() const { return c_.rest.n_features; }
  double* component_mean(int k, int i) {
    return component_means_.data() + (std::size_t(k) * n_targets() + i) * kTile;
  }

  /// mu_k,a + B_k (x_b - mu_k,b) for all rows of the tile.
  void set_component_means() {
    const int K = c_.rest.n_components, t = n_targets(), n_b = c_.given.n_features;
    const std::size_t step = c_.rest.is_shared() ? 0 : std::size_t(t) * n_b;
    for (int k = 0; k < K; ++k)
      for (int i = 0; i < t; ++i) {
        double* out = component_mean(k, i);
        std::fill_n(out, kTile, c_.rest.means[std::size_t(k) * t + i]);
        for (int j = 0; j < n_b && !c_.slopes.empty(); ++j) {
          const double slope = c_.slopes[k * step + std::size_t(i) * n_b + j];
          const double center = c_.given.means[std::size_t(k) * n_b + j];
          const double* x = tile_.xt() + std::size_t(j) * kTile;
          for (int r = 0; r < kTile; ++r) out[r] += slope * (x[r] - center);
        }
      }
  }

  /// By how much the covariances differ from covariances_.
  void set_stretches() {
    density_.mahalanobis(tile_, scratch_.data(), stretches_.data());
    for (std::size_t e = 0; e < stretches_.size(); ++e)
      stretches_[e] =
          c_.given.component->stretch_given(c_.given.own[e / kTile], c_.given.n_features, stretches_[e]);
  }

  void add_row(int r) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const bool absent = tile_.weights()[r] == 0.0;
    const int t = n_targets(), K = c_.rest.n_components;
    log_density_.push_back(absent ? nan : posterior_.log_density(r));
    const std::size_t first = mean_.size();
    for (int i = 0; i < t; ++i) {
      double sum = 0.0;
      for (int k = 0; k < K; ++k)
        if (posterior_.responsibility(k, r) > 0.0)  // others may lie anywhere
          sum += posterior_.responsibility(k, r) * component_mean(k, i)[r];
      mean_.push_back(absent ? nan : sum);
    }
    for (int i = 0; i < t; ++i)
      for (int j = options_.covariance ? 0 : i; j < (options_.covariance ? t : i + 1); ++j) {
        double sum = 0.0;
        for (int k = 0; k < K; ++k)
          if (posterior_.responsibility(k, r) > 0.0)
            sum +=
                posterior_.responsibility(k, r) *
                (stretches_[std::size_t(k) * kTile + r] * covariances_[k][std::size_t(i) * t + j] +
                 (component_mean(k, i)[r] - mean_[first + i]) * (component_mean(k, j)[r] - mean_[first + j]));
        if (i == j) variance_.push_back(absent ? nan : sum);
        if (options_.covariance) covariance_.push_back(absent ? nan : sum);
      }
  }

  const Conditional& c_;
  const RegressOptions& options_;
  TilePosterior posterior_;
  Tile tile_;
  const LogDensity& density_;
  std::vector<double> component_means_;           ///< K x t x kTile
  std::vector<double> stretches_, scratch_;       ///< K x kTile
  std::vector<std::vector<double>> covariances_;  ///< (t, t) of each component
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
  const Conditional conditional = make_conditional(mixture, targets, given, *execution.kernels);
  const LogDensity density(conditional.given, *execution.kernels);
  std::vector<BlockRegression> threads(execution.n_threads,
                                       BlockRegression(conditional, density, options, *execution.kernels));
  std::optional<SelectedColumns> selected;
  if (data.n_columns() == mixture.n_features) selected.emplace(data, given);
  const Data& rows = selected ? *selected : data;
  execution.comm.together([&] {
    rows.for_each_block(execution, [&](const Block& block, int thread) { threads[thread].run(block, sink); });
  });
}

}  // namespace gmmpi
