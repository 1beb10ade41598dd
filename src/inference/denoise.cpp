// denoise: the posterior of each row's true value, a tile at a time.
#include "gmmpi/inference/denoise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "gmmpi/expect.hpp"
#include "inference/observed_models.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

namespace {

std::size_t triangle(int i, int j) {
  return std::size_t(i) * (i + 1) / 2 + j;
}

/// Mean and covariance of the mixture itself, row by row of one tile: of d numbers, and d (d + 1)/2 in the
/// lower triangle.
class TileMoments {
 public:
  explicit TileMoments(int d) : d_(d), mean_(std::size_t(d) * kTile), covariance_(triangle(d, 0) * kTile) {}

  void clear() {
    std::ranges::fill(mean_, 0.0);
    std::ranges::fill(covariance_, 0.0);
  }
  /// Of means (d x kTile) with shares (kTile).
  void add_mean(const double* share, const double* means) {
    for (int j = 0; j < d_; ++j)
      for (int r = 0; r < kTile; ++r) mean_[at(j, r)] += share[r] * means[at(j, r)];
  }
  /// When all means are known; covariances: d (d + 1)/2 x kTile.
  void add_covariance(const double* share, const double* means, const double* covariances) {
    for (int i = 0; i < d_; ++i)
      for (int j = 0; j <= i; ++j)
        for (int r = 0; r < kTile; ++r) {
          const double a = means[at(i, r)] - mean_[at(i, r)], b = means[at(j, r)] - mean_[at(j, r)];
          const std::size_t place = triangle(i, j) * kTile + r;
          covariance_[place] += share[r] * (covariances[place] + a * b);
        }
  }
  double mean(int j, int r) const { return mean_[at(j, r)]; }
  double covariance(int i, int j, int r) const {
    return covariance_[triangle(std::max(i, j), std::min(i, j)) * kTile + r];
  }

 private:
  static std::size_t at(int j, int r) { return std::size_t(j) * kTile + r; }

  int d_;
  std::vector<double> mean_, covariance_;
};

/// One thread's work: a block's results, tile by tile, then written as a whole.
class BlockDenoising {
 public:
  BlockDenoising(const Mixture& mixture, const ObservedModels& models, bool deviations)
      : mixture_(mixture),
        d_(mixture.n_features),
        deviations_(deviations),
        density_(models.of_complete_rows()->density),
        kernels_(models.kernels()),
        tiles_(models),
        posterior_(mixture, density_, kernels_),
        moments_(d_),
        means_(std::size_t(d_) * kTile),
        covariances_(triangle(d_, 0) * kTile),
        scratch_(observed_scratch(d_)) {
    if (!mixture.noise) return;
    noise_means_ = mixture.noise->background->mean();
    noise_variances_ = mixture.noise->background->variances();
  }

  void run(const Block& block, const RowSink& sink) {
    const std::size_t n = block.n_rows, width = deviations_ ? d_ : std::size_t(d_) * d_;
    mean_.resize(n * d_);
    spread_.resize(n * width);
    tiles_.for_each(block, [&](const Tile& tile, const ObservedModelPtr&) {
      evaluate(tile);
      for (int r = 0; r < tile.n_rows(); ++r)
        set_row(r, static_cast<std::size_t>(tile.row(r) - block.first_row));
    });
    sink.write(0, block.first_row, block.n_rows, mean_.data());
    sink.write(1, block.first_row, block.n_rows, spread_.data());
  }

 private:
  /// A row of weight zero has nothing: its shares are the weights, and its tile says so.
  void evaluate(const Tile& tile) {
    posterior_.evaluate(tile);
    posterior_.require_in_reach(tile);
    const int n = density_.n_shares();
    moments_.clear();
    for (int k = 0; k < n; ++k)
      if (complete(tile, k, nullptr)) moments_.add_mean(share_, means_.data());
    for (int k = 0; k < n; ++k)
      if (complete(tile, k, covariances_.data()))
        moments_.add_covariance(share_, means_.data(), covariances_.data());
  }

  /// Shares, means and, if wanted, covariances of what component k (or the noise) expects; false where it has
  /// no share.
  bool complete(const Tile& tile, int k, double* covariances) {
    const bool is_noise = k == mixture_.n_components;
    bool any = false;
    for (int r = 0; r < kTile; ++r) {
      const bool nothing = tile.weights()[r] == 0.0;
      const double weight = is_noise ? mixture_.noise->weight : mixture_.weights[k];
      share_[r] = r >= tile.n_rows() ? 0.0 : nothing ? weight : posterior_.responsibility(k, r);
      any |= share_[r] > 0.0;
    }
    if (!any) return false;
    if (is_noise) {
      complete_noise(tile, covariances);
      return true;
    }
    const RowwiseDensity& density = *density_.rowwise();
    kernels_.completions(tile.observed(), density.mean(k), density.covariance(k), scratch_.data(),
                         means_.data(), covariances);
    for (int r = 0; r < tile.n_rows(); ++r)
      if (tile.weights()[r] == 0.0) set_prior(density.mean(k), density.covariance(k), r, covariances);
    return true;
  }

  void set_prior(const double* mean, const double* covariance, int r, double* covariances) {
    for (int i = 0; i < d_; ++i) {
      means_[std::size_t(i) * kTile + r] = mean[i];
      for (int j = 0; j <= i && covariances; ++j)
        covariances[triangle(i, j) * kTile + r] = covariance[std::size_t(i) * d_ + j];
    }
  }

  void complete_noise(const Tile& tile, double* covariances) {
    const ObservedRows rows = tile.observed();
    for (int i = 0; i < d_; ++i)
      for (int r = 0; r < kTile; ++r) {
        const auto is_there = [&](int j) {
          return tile.weights()[r] > 0.0 && (!rows.mask || rows.mask[j * kTile + r] != 0.0);
        };
        means_[std::size_t(i) * kTile + r] = is_there(i) ? rows.xt[i * kTile + r] : noise_means_[i];
        for (int j = 0; j <= i && covariances; ++j) {
          const bool dense = rows.shape == ErrorShape::covariances;
          double value = i == j ? noise_variances_[i] : 0.0;
          if (is_there(i) && is_there(j))
            value = dense      ? rows.errors[triangle(i, j) * kTile + r]
                    : (i == j) ? rows.errors[i * kTile + r]
                               : 0.0;
          covariances[triangle(i, j) * kTile + r] = value;
        }
      }
  }

  void set_row(int r, std::size_t row) {
    for (int i = 0; i < d_; ++i) {
      mean_[row * d_ + i] = moments_.mean(i, r);
      if (deviations_)
        spread_[row * d_ + i] = std::sqrt(moments_.covariance(i, i, r));
      else
        for (int j = 0; j < d_; ++j) spread_[(row * d_ + i) * d_ + j] = moments_.covariance(i, j, r);
    }
  }

  const Mixture& mixture_;
  int d_;
  bool deviations_;
  const LogDensity& density_;
  const KernelTable& kernels_;
  ObservedTiles tiles_;
  TilePosterior posterior_;
  TileMoments moments_;
  double share_[kTile];
  AlignedDoubles means_, covariances_, scratch_;       ///< of one component and tile
  std::vector<double> mean_, spread_;                  ///< of the block
  std::vector<double> noise_means_, noise_variances_;  ///< (d), with noise
};

}  // namespace

std::vector<OutputColumn> denoise_columns(bool deviations, int n_features,
                                          const std::vector<std::string>& names) {
  GMMPI_EXPECT(names.empty() || std::ssize(names) == n_features);
  using Type = OutputColumn::Type;
  std::vector<std::string> means, spreads;
  const auto name = [&](int j) { return names.empty() ? fmt::format("x{}", j) : names[j]; };
  for (int i = 0; i < n_features; ++i) {
    means.push_back(name(i));
    if (deviations) spreads.push_back(name(i) + "_sd");
    for (int j = 0; j < n_features && !deviations; ++j)
      spreads.push_back(fmt::format("{}_{}_covariance", name(i), name(j)));
  }
  if (deviations)
    return {{"/mean", Type::f8, n_features, 0, means},
            {"/standard_deviation", Type::f8, n_features, 0, spreads}};
  return {{"/mean", Type::f8, n_features, 0, means},
          {"/covariance", Type::f8, n_features, n_features, spreads}};
}

void denoise(const Execution& execution, const Data& data, const Mixture& mixture, bool deviations,
             const RowSink& sink) {
  GMMPI_EXPECT(data.n_columns() == mixture.n_features && data.n_errors() > 0);
  DataSummary summary = data.summary();
  summary.has_errors = true;  // also where all are 0
  const ObservedModels models(mixture, summary, *execution.kernels);
  std::vector<std::unique_ptr<BlockDenoising>> threads;
  for (int t = 0; t < execution.n_threads; ++t)
    threads.push_back(std::make_unique<BlockDenoising>(mixture, models, deviations));
  execution.comm.together([&] {
    data.for_each_block(execution,
                        [&](const Block& block, int thread) { threads[thread]->run(block, sink); });
  });
}

}  // namespace gmmpi
