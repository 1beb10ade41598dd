// Local coordinates: the mixtures near a given one as vectors, measured by the widths of its components.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// One block of coordinates per component k: ln(pi'_k / pi_k); L_k^-1 (mu'_k - mu_k), with Sigma_k = L_k
/// L_k^T; and what follows from L_k^-1 L'_k, lower triangular, row by row: the logarithms of its diagonal and
/// the entries below it. A shared covariance has a block of its own at the end; diagonal covariances are the
/// logarithms only. A Bernoulli component has no covariance and, for each column, twice the sine of the
/// difference of the angles whose sin^2 are the probabilities mu'_kj and mu_kj. The origin is 0, and every
/// vector is a proper mixture. Families whose constraints are equal or proportional numbers here (equal
/// variances, say) are closed under linear combination. Units of columns play no part.
class LocalCoordinates {
 public:
  /// Around a factorised mixture. Large factors are computed by the threads of `execution`.
  LocalCoordinates(const Mixture& origin, const Execution& execution);

  /// Coordinates of a factorised mixture with the origin's shape.
  std::vector<double> of(const Mixture& mixture) const;
  /// The mixture of these coordinates; its factors are not set.
  Mixture at(std::span<const double> x) const;

  /// x^T I y with I the complete-data information per unit of weight at the origin: inner(x, x) / 2 is, to
  /// second order, the Kullback-Leibler divergence of the origin with known components from at(x).
  double inner(std::span<const double> x, std::span<const double> y) const;
  /// The largest change of one component, whatever its weight, in its own widths.
  double width(std::span<const double> x) const;

 private:
  void for_each_covariance(const std::function<void(int k)>& action) const;
  const double* chart(int k) const;           ///< of component k's covariance
  std::size_t covariance_block(int k) const;  ///< where its coordinates begin

  Mixture origin_;
  const KernelTable& kernels_;
  int n_threads_;
  std::vector<std::vector<double>> charts_;  ///< of each covariance
  std::vector<double> information_;          ///< diagonal, of a component's block
  std::vector<double> shared_information_;   ///< diagonal, of the shared block; may be empty
};

}  // namespace gmmpi
