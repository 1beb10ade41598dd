// Log joint densities of rows that each have a covariance of their own, because of what they lack.
#pragma once

#include <optional>
#include "data/tile.hpp"
#include "gmmpi/model/mixture.hpp"
#include "model/few_gaps.hpp"

namespace gmmpi {

/// ln p(x_n | k) = ln N(x_n | mu_k, Sigma_k) by the columns that row n has: T_n, the covariance of these, is
/// factorised for every row and component, or P_mm of the few columns that it lacks. Tiles are partial ones.
/// Immutable, shared by all threads.
class RowwiseDensity {
 public:
  RowwiseDensity(const Mixture& mixture, const KernelTable& kernels);

  int n_components() const { return K_; }
  int n_features() const { return d_; }
  const double* mean(int k) const { return means_.data() + std::size_t(k) * d_; }  ///< (d)
  const double* covariance(int k) const {
    return covariances_.data() + std::size_t(k) * d_ * d_;
  }  ///< (d, d)
  /// For rows that lack up to that many columns, and have no errors; nothing if there are none such.
  const FewGaps* few_gaps(int k) const { return few_gaps_ && few_gaps_->takes(k) ? &*few_gaps_ : nullptr; }
  int most_missing() const { return FewGaps::most_missing(K_, d_); }
  /// out (K x kTile) = squared distances by T_n.
  void mahalanobis(const Tile& tile, double* out) const;
  /// out (K x kTile) = ln pi_k p(x | k).
  void log_joint(const Tile& tile, double* out) const;

 private:
  /// As distances, of rows that lack few columns; others keep what they have.
  void few_gaps_distances(const Tile& tile, const GapLists& gaps, int k, double* scratch, double* q,
                          double* log_det) const;
  void distances(const Tile& tile, int k, double* scratch, double* q, double* log_det) const;

  int K_, d_;
  const KernelTable& kernels_;
  AlignedDoubles means_, covariances_, constants_;
  std::vector<double> log_scales_;
  std::optional<FewGaps> few_gaps_;
};

}  // namespace gmmpi
