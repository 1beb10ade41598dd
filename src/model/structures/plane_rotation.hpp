// The best rotation of two axes for several matrices at once.
#pragma once

#include <vector>

#include "kernels/table.hpp"

namespace gmmpi {

/// Axes p, q become c p + s q, c q - s p.
struct PlaneTurn {
  double c = 1.0, s = 0.0;
  double gain = 0.0;  ///< of the objective, as expected; 0: nothing turns
};

/// The 2 x 2 blocks (a, b; b, e) of K matrices in one plane. Turned by theta, with psi = 4 theta, the product
/// of both diagonal entries of block k is in proportion to
///     q_k(psi) = q_k(0) + beta_k (1 - cos psi) - gamma_k sin psi,
/// and what is minimised is sum_k w_k ln q_k, or sum_k w_k (q_k / q_k(0))^(1/root).
class Plane {
 public:
  void clear();
  void add(double a, double b, double e);

  /// From psi = 0 down to a minimum. `root` 0: the sum of logarithms; else of roots, and the weights w_k (K),
  /// all positive, become what their terms are after the turn.
  PlaneTurn minimise(std::vector<double>& weights, int root, const KernelTable& kernels);

 private:
  /// psi by its cosine and sine.
  struct Angle {
    double c, s;
  };
  struct Slope {
    double first = 0.0, second = 0.0;  ///< derivatives of the objective
    Angle below{1.0, 0.0};             ///< minimises a function above the objective that touches it here
  };
  double product(std::size_t k, Angle at) const;
  void weigh(Angle at, const std::vector<double>& weights, int root, const KernelTable& kernels);
  Slope slope(Angle at, int root) const;

  std::vector<double> q_, beta_, gamma_, noise_;
  std::vector<double> terms_, ratios_;  ///< w_k (q_k / q_k(0))^(1/root), and scratch
};

}  // namespace gmmpi
