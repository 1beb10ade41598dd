// A mixture's parameters made ready for a pass over the rows.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/model/distances.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/own_sums.hpp"

namespace gmmpi {

/// Densities that fall with the squared distance of a row from a component. Immutable, shared by all threads.
class Prepared {
 public:
  virtual ~Prepared() = default;
  const Distances& distances() const { return *distances_; }
  /// (K) ln pi_k and the logarithm of the density where the distance is 0.
  const double* constants() const { return constants_.data(); }
  /// In place, from K x kTileRows squared distances to ln pi_k p(x | k).
  virtual void log_joint(const KernelTable& kernels, double* values) const;
  /// log_joint is constant - distance / 2, so that rows can be left out by partial distances.
  virtual bool can_prune() const { return true; }

  /// For components whose moments weigh the rows, or that need more sums.
  virtual std::optional<OwnSums> own_sums() const { return std::nullopt; }
  /// gamma (K x kTileRows) becomes what weighs the moments; own (n x K x kTileRows) the terms of the n sums.
  virtual void weigh(const KernelTable&, const double* /*distances*/, double* /*gamma*/,
                     double* /*own*/) const {}

 protected:
  /// `constants` without the logarithms of the weights.
  Prepared(const Mixture& mixture, std::unique_ptr<Distances> distances, AlignedDoubles constants,
           const KernelTable& kernels);

 private:
  std::unique_ptr<Distances> distances_;
  AlignedDoubles constants_;
};

/// ln w, also of denormal numbers; ln 0 = -infinity: such a share is exactly zero, whatever the distance.
void log_weights(const KernelTable& kernels, std::span<const double> weights, double* out);

}  // namespace gmmpi
