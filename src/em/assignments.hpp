// The assignments that EM and its starts use: posterior, nearest centre, chance, and one for all.
#pragma once

#include <cstdint>
#include <vector>

#include "em/sweep.hpp"
#include "model/pruned_density.hpp"

namespace gmmpi {

/// The E-step: responsibilities under a model; value = ln p(x). Bishop (2006), eq. 9.23.
class Posterior final : public Assignment {
 public:
  /// Responsibilities below exp(least_log_share) of a row's largest are exactly zero.
  Posterior(const Mixture& mixture, const KernelTable& kernels, double least_log_share = kLeastLogShare)
      : density_(mixture, kernels), pruned_(density_), least_log_share_(least_log_share) {}
  Posterior(const Posterior&) = delete;
  int n_components() const override { return density_.n_components(); }
  std::size_t scratch_size() const override { return pruned_.scratch_size(); }
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const override;

 private:
  LogDensity density_;
  PrunedDensity pruned_;
  double least_log_share_;
};

/// Classification EM: each row wholly to its most responsible component, the lowest on a tie; values = ln
/// max_k pi_k N(x | k), ln p(x). Celeux & Govaert (1992).
class HardPosterior final : public Assignment {
 public:
  HardPosterior(const Mixture& mixture, const KernelTable& kernels, double least_log_share)
      : density_(mixture, kernels), pruned_(density_), least_log_share_(least_log_share) {}
  HardPosterior(const HardPosterior&) = delete;
  int n_components() const override { return density_.n_components(); }
  int n_values() const override { return 2; }
  std::size_t scratch_size() const override;
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const override;

 private:
  LogDensity density_;
  PrunedDensity pruned_;
  double least_log_share_;
};

/// k-means: all to the nearest centre, the lowest on a tie; value = squared distance. Bishop (2006), eq. 9.2.
class NearestCenter final : public TilewiseAssignment {
 public:
  NearestCenter(std::vector<double> centers, int n_features, const KernelTable& kernels)
      : centers_(std::move(centers)), d_(n_features), kernels_(kernels) {}
  int n_components() const override { return static_cast<int>(centers_.size() / d_); }

 private:
  void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const override;

  std::vector<double> centers_;
  int d_;
  const KernelTable& kernels_;
};

/// Responsibilities drawn uniformly and normalised, from the seed and the global row; value = 0.
class RandomResponsibilities final : public TilewiseAssignment {
 public:
  RandomResponsibilities(int n_components, std::uint64_t seed) : K_(n_components), seed_(seed) {}
  int n_components() const override { return K_; }

 private:
  void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const override;

  int K_;
  std::uint64_t seed_;
};

/// One component that holds every row; value = 0. Its moments are the data's.
class AllRows final : public TilewiseAssignment {
 public:
  int n_components() const override { return 1; }

 private:
  void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const override;
};

}  // namespace gmmpi
