// The log joint density ln pi_k p(x | k) of tiles of rows: the heart of the E-step.
#pragma once

#include <memory>
#include <mutex>

#include "data/tile.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prepared.hpp"
#include "model/rowwise_density.hpp"

namespace gmmpi {

/// A mixture prepared for a pass: its components, and noise beside them. Shared by all threads.
class LogDensity {
 public:
  /// Partial tiles need `mixture` as long as this lives.
  LogDensity(const Mixture& mixture, const KernelTable& kernels);

  int n_components() const { return n_components_; }
  int n_features() const { return n_features_; }
  /// Those that share a row: the components and, last, the noise if there is any.
  int n_shares() const { return n_components_ + (noise_ ? 1 : 0); }
  const Prepared& components() const { return *components_; }
  /// For rows that are taken one by one; made when it is first asked for. Null where components have no such.
  const RowwiseDensity* rowwise() const;
  const KernelTable& kernels() const { return kernels_; }
  /// Doubles of scratch that one thread's calls need.
  std::size_t scratch_size() const { return std::size_t(n_features_) * kTile; }
  /// out (K x kTile) = squared Mahalanobis distances of the tile's rows.
  void mahalanobis(const Tile& tile, double* scratch, double* out) const;
  /// out (K x kTile) = ln pi_k p(x | k). Bishop (2006), eq. 2.43; -infinity where pi_k = 0.
  void log_joint(const Tile& tile, double* scratch, double* out) const;
  /// out (n_shares x kTile) = log_joint, then ln w_0 b(x).
  void log_shares(const Tile& tile, double* scratch, double* out) const;
  /// Sets the last row of `out` (n_shares x kTile) if there is noise.
  void add_noise(const Tile& tile, double* out) const;

 private:
  const Mixture& mixture_;
  const KernelTable& kernels_;
  int n_components_, n_features_;
  std::unique_ptr<Prepared> components_;
  mutable std::once_flag rowwise_once_;
  mutable std::unique_ptr<RowwiseDensity> rowwise_;
  BackgroundDensity noise_;  ///< none: there is no noise
};

/// largest (kTile) = of each row, the largest of `shares` (n_shares x kTile).
void largest_shares(int n_shares, const double* shares, double* largest);

/// Log densities below it come from squared distances at the kernels' cap of 1e300.
inline constexpr double kOutOfReach = -4.999e299;

/// Throws an Error of this code if a row of the tile (of positive weight) is so far from every component that
/// squared distances are capped: its `log_density` (kTile), label and responsibilities mean nothing.
void require_in_reach(const Tile& tile, const double* log_density, ExitCode code);

}  // namespace gmmpi
