// Log joint densities that matter: pairs of row and component whose responsibility is certainly zero are left
// as soon as a partial distance shows it.
#pragma once

#include <atomic>
#include <span>

#include "model/log_density.hpp"

namespace gmmpi {

/// Same result as LogDensity::log_joint after the responsibilities are taken with `least_log_share`, bit for
/// bit: partial sums of squares only grow, with rounding too, so a pair whose partial log joint lies too far
/// below some component's full one would have come out as zero. (Partial distances: Bei & Gray 1985.)
///
/// Whether that is faster than computing everything is tried now and then, and remembered; it changes no
/// number.
class PrunedDensity {
 public:
  explicit PrunedDensity(const LogDensity& density);

  /// Doubles of scratch that one thread's calls need.
  std::size_t scratch_size() const;
  /// For up to 32 tiles: out (K x kTile per tile) = ln pi_k N(x | mu_k, Sigma_k), or less than -1e299 where
  /// it does not matter.
  void log_joint(std::span<const Tile> tiles, double least_log_share, double* scratch, double* out) const;

 private:
  struct Work;
  int choose_columns() const;
  void failed() const;
  bool prune(int columns, double least_log_share, Work& work) const;
  void complete_likeliest(int columns, Work& work) const;
  void complete(int columns, int k, std::span<const int> rows, Work& work) const;
  double largest_share(int columns) const;

  const LogDensity& density_;
  mutable std::atomic<int> attempt_ = 0;  ///< even: a quarter of the columns first, odd: half of them
  mutable std::atomic<int> wait_ = 0;     ///< calls to compute everything before the next attempt
};

}  // namespace gmmpi
