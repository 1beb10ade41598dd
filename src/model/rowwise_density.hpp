// Log joint densities of rows that each have a covariance of their own, because of what they lack.
#pragma once

#include "data/tile.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// ln p(x_n | k) = ln N(x_n | mu_k, Sigma_k) by the columns that row n has: T_n, the covariance of these, is
/// factorised for every row and component. Tiles are partial ones. Immutable, shared by all threads.
class RowwiseDensity {
 public:
  RowwiseDensity(const Mixture& mixture, const KernelTable& kernels);

  int n_components() const { return K_; }
  int n_features() const { return d_; }
  const double* mean(int k) const { return means_.data() + std::size_t(k) * d_; }  ///< (d)
  const double* covariance(int k) const {
    return covariances_.data() + std::size_t(k) * d_ * d_;
  }  ///< (d, d)
  /// out (K x kTile) = squared distances by T_n.
  void mahalanobis(const Tile& tile, double* out) const;
  /// out (K x kTile) = ln pi_k p(x | k).
  void log_joint(const Tile& tile, double* out) const;

 private:
  void distances(const Tile& tile, int k, double* scratch, double* q, double* log_det) const;

  int K_, d_;
  const KernelTable& kernels_;
  AlignedDoubles means_, covariances_, constants_;
  std::vector<double> log_scales_;
};

}  // namespace gmmpi
