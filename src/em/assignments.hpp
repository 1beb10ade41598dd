// The assignments that EM and its starts use: posterior, nearest centre, chance, and one for all.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "em/sweep.hpp"
#include "model/pruned_density.hpp"

namespace gmmpi {

/// What a mixture's densities make of rows. Where it has noise, what that takes of a row's weight is missing
/// in gamma.
class MixtureAssignment : public Assignment {
 public:
  /// Responsibilities below exp(least_log_share) of a row's largest are exactly zero.
  /// Rows that lack values need `mixture` as long as this lives.
  MixtureAssignment(const Mixture& mixture, const KernelTable& kernels, double least_log_share)
      : mixture_(mixture), density_(mixture, kernels), pruned_(density_), least_log_share_(least_log_share) {}
  MixtureAssignment(const MixtureAssignment&) = delete;
  int n_components() const final { return density_.n_components(); }
  std::size_t scratch_size() const final;
  void assign(std::span<const Tile> tiles, double* scratch, double* gamma, double* value) const final;
  std::optional<OwnSums> own_sums() const final { return density_.components().own_sums(); }
  void weigh(const Tile& tile, double* scratch, double* gamma, double* own) const final;
  PartialAssignment given(std::span<const int> observed, std::span<const int> missing) const final;
  void raise_reach(const DataSummary& summary, std::span<const double> centers,
                   std::span<double> reach) const final;
  double own_of_missing(int i, int k, int n_observed) const final;
  const RowwiseDensity* rowwise() const final { return density_.rowwise(); }

 protected:
  const KernelTable& kernels() const { return density_.kernels(); }
  double least_log_share() const { return least_log_share_; }

 private:
  /// From `shares` (n_shares x kTile) = ln pi_k N(x | k) of a tile to responsibilities times weights there,
  /// and the values; `scratch` is as large as `shares`.
  virtual void assign_shares(const Tile& tile, int n_shares, double* scratch, double* shares,
                             double* value) const = 0;
  /// The same of another mixture, which need not live any longer.
  virtual std::unique_ptr<Assignment> of(const Mixture& mixture) const = 0;

  const Mixture& mixture_;
  LogDensity density_;
  PrunedDensity pruned_;
  double least_log_share_;
};

/// The E-step: responsibilities under a model, Bishop (2006), eq. 9.23; value = ln p(x), and the entropy if
/// asked for.
class Posterior final : public MixtureAssignment {
 public:
  Posterior(const Mixture& mixture, const KernelTable& kernels, double least_log_share = kLeastLogShare,
            bool with_entropy = false)
      : MixtureAssignment(mixture, kernels, least_log_share), with_entropy_(with_entropy) {}
  int n_values() const override { return with_entropy_ ? 2 : 1; }
  bool has_entropy() const override { return with_entropy_; }

 private:
  void assign_shares(const Tile& tile, int n_shares, double* scratch, double* shares,
                     double* value) const override;
  std::unique_ptr<Assignment> of(const Mixture& mixture) const override {
    return std::make_unique<Posterior>(mixture, kernels(), least_log_share(), with_entropy_);
  }

  bool with_entropy_;
};

/// Classification EM: each row wholly to its most responsible component, the lowest on a tie; values = ln
/// max_k pi_k N(x | k), ln p(x), and the entropy, their difference. Celeux & Govaert (1992).
class HardPosterior final : public MixtureAssignment {
 public:
  using MixtureAssignment::MixtureAssignment;
  int n_values() const override { return 3; }
  bool has_entropy() const override { return true; }

 private:
  void assign_shares(const Tile& tile, int n_shares, double* scratch, double* shares,
                     double* value) const override;
  std::unique_ptr<Assignment> of(const Mixture& mixture) const override {
    return std::make_unique<HardPosterior>(mixture, kernels(), least_log_share());
  }
};

/// k-means: all to the nearest centre, the lowest on a tie; value = squared distance. Bishop (2006), eq. 9.2.
class NearestCenter final : public TilewiseAssignment {
 public:
  NearestCenter(std::vector<double> centers, int n_features, const KernelTable& kernels)
      : centers_(std::move(centers)), d_(n_features), kernels_(kernels) {}
  int n_components() const override { return static_cast<int>(centers_.size() / d_); }
  PartialAssignment given(std::span<const int> observed, std::span<const int> missing) const override;

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
  PartialAssignment given(std::span<const int>, std::span<const int>) const override {
    return {std::make_unique<RandomResponsibilities>(*this)};
  }

 private:
  void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const override;

  int K_;
  std::uint64_t seed_;
};

/// One component that holds every row; value = 0. Its moments are the data's.
class AllRows final : public TilewiseAssignment {
 public:
  int n_components() const override { return 1; }
  PartialAssignment given(std::span<const int>, std::span<const int>) const override {
    return {std::make_unique<AllRows>()};
  }

 private:
  void assign_tile(const Tile& tile, double* scratch, double* gamma, double* value) const override;
};

}  // namespace gmmpi
