// What a mixture says of the missing entries of a row, given those that it has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "inference/observed_models.hpp"
#include "inference/tile_posterior.hpp"

namespace gmmpi {

/// p(x_m | x_o) = sum_k r_k p(x_m | x_o, k), r_k = p(k | x_o), for the rows of tile after tile: one thread's
/// scratch and results. Where labels are nearest means, r is 1 for the nearest one by the observed columns.
/// Columns of the noise are independent. m is the number of missing columns. Bishop (2006), eqs. 2.81
/// and 2.82; Student's t: Ding, Am. Stat. 70 (2016).
class GapConditional {
 public:
  /// The mixture must outlive it.
  GapConditional(const Mixture& mixture, const KernelTable& kernels) : all_(mixture), kernels_(kernels) {}

  /// The tiles that follow are of this model.
  void take(const ObservedModelPtr& model);
  /// Error 65 for a row that is out of reach of every component.
  void evaluate(const Tile& tile);
  /// In the place of both: of a row of which nothing is observed, which is row 0 then, x_m is all of it.
  void evaluate_nothing();

  /// E[x_j | x_o] of the j-th missing column.
  double mean(int j, int row) const;
  /// Its variance, where that is its mean; infinite where Student's t has none.
  double variance(int j, int row, double mean) const;
  /// Draws x_m (m); what comes out depends on the row's numbers, the seed and the position only.
  void draw(int row, std::uint64_t seed, std::int64_t position, double* x);

 private:
  void set_rest(Mixture rest, int n_observed);
  void set_noise(std::shared_ptr<const Background> missing);
  void set_means(const Tile& tile);
  int draw_component(int row, double u) const;
  const std::vector<double>& factor(int k);
  double component_mean(int k, int j, int row) const {
    return component_means_[(std::size_t(k) * rest_.n_features + j) * kTile + row];
  }

  const Mixture& all_;
  const KernelTable& kernels_;
  ObservedModelPtr model_;  ///< of the last tile; none where nothing was observed
  std::optional<TilePosterior> posterior_;
  Mixture rest_;  ///< means of p(x_m), covariances of p(x_m | x_o, k) but for the stretch; not factorised
  Mixture unit_;  ///< of the same components, about zero, of unit covariance
  std::shared_ptr<const Background> noise_;            ///< by the missing columns; null: there is none
  std::vector<double> noise_means_, noise_variances_;  ///< (m)
  std::vector<double> variances_;                      ///< (K, m), those of `rest_`
  std::vector<std::vector<double>> factors_;           ///< (m, m) lower triangular; empty: not made yet
  std::vector<double> responsibilities_;               ///< K, or with noise K + 1, x kTile
  std::vector<double> component_means_;                ///< K x m x kTile
  std::vector<double> stretches_, scratch_;            ///< K x kTile
};

}  // namespace gmmpi
