// One orientation for all components, whose shapes differ: the inner problem of EVE and VVE.
#pragma once

#include <span>
#include <vector>

#include "kernels/table.hpp"

namespace gmmpi {

/// What the orthogonal matrix D makes small. With g_kj = (D^T W_k D)_jj:
enum class OrientationRule {
  log_det,  ///< sum_k N_k sum_j ln g_kj (VVE; Flury, J. Am. Stat. Assoc. 79, 1984)
  volume,   ///< sum_k (prod_j g_kj)^(1/d) (EVE; Celeux & Govaert, Pattern Recognition 28, 1995)
};

struct CommonOrientation {
  std::vector<double> axes;       ///< (d, d): row j is column j of D
  std::vector<double> variances;  ///< (K, d): g_kj
};

/// A local minimum, found by rotations in the plane of two axes at a time, as by Flury & Gautschi (SIAM J.
/// Sci. Stat. Comput. 7, 1986), and, since these converge linearly, and slowly where matrices are nearly
/// singular, by Newton's steps in all planes at once. None of them raises the objective by more than its
/// rounding, and they go on until it changes by less; where d is so large that Newton's steps cost too much,
/// for some hundred sweeps of rotations. `W` are K symmetric positive definite (d, d) matrices; `counts`
/// (K), all positive, weigh them under log_det.
class OrientationSearch {
 public:
  OrientationSearch(const std::vector<std::vector<double>>& W, std::span<const double> counts, int d,
                    OrientationRule rule, const KernelTable& kernels);

  /// From these axes (d, d) to the minimum near them.
  CommonOrientation from(std::vector<double> axes) const;

  /// The axes after at most so many sweeps.
  std::vector<double> near(std::vector<double> axes, int most_sweeps) const;

  /// From whichever is best, after some sweeps, of: the axes of the data, of the pooled W, and of each W_k.
  CommonOrientation from_anywhere() const;

 private:
  class Rotations;

  const std::vector<std::vector<double>>& W_;
  std::span<const double> counts_;
  int d_;
  OrientationRule rule_;
  const KernelTable& kernels_;
};

/// The axes that covariances (K, d, d) with one orientation have in common, to rounding; empty if all of them
/// are diagonal and so may come from no orientation at all.
std::vector<double> axes_in_common(std::span<const double> covariances, int n_components, int d,
                                   const KernelTable& kernels);

}  // namespace gmmpi
