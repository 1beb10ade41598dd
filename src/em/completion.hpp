// From the moments of observed columns to those of all: what missing ones are expected to add.
#pragma once

#include <vector>

#include "data/patterns.hpp"
#include "gmmpi/kernels/scatter_shape.hpp"

namespace gmmpi {

/// Rows of one pattern: with W their weight in the moments, N their count, S1_o and S2_oo their moments about
/// the centres c_o, e = E[x_m | x_o = c_o] - c_m and slopes B, the missing columns get
///     S1_m = W e + B S1_o,  S2_mo = e S1_o^T + B S2_oo,
///     S2_mm = W e e^T + e (B S1_o)^T + (B S1_o) e^T + B S2_oo B^T + N Cov[x_m | x_o].
/// Ghahramani & Jordan, NIPS 6 (1994); Schafer, Analysis of Incomplete Multivariate Data (1997), 5.3.
class Completion {
 public:
  /// Both must outlive it. `all`: the layout of the moments of all columns.
  Completion(const MomentLayout& all, const Pattern& pattern);

  /// Of the observed columns.
  const MomentLayout& part() const { return part_; }

  /// A component's first moments to `first` (d), and what e adds to the second ones. `e` (m), `slopes` (m, o)
  /// or null, where all are zero, `s1` (o).
  void add_first(double W, const double* e, const double* slopes, const double* s1, double* first);
  /// The conditional covariance (m, m), or (m) variances if `is_diagonal`, of N rows.
  void add_covariance(double N, const double* covariance, bool is_diagonal);
  /// What was added since the last call, and the observed second moments `s2`, as they lie in `part`, to
  /// scatter k of `second`, which begins with scatter 0.
  void finish(int k, const double* slopes, const double* s2, double* second);

 private:
  void regress(const double* s2, const double* slopes);

  const MomentLayout& all_;
  const Pattern& pattern_;
  std::size_t n_o_, n_m_;
  MomentLayout part_;
  std::vector<double> cross_, own_;  ///< (m, o); the upper triangle of (m, m)
  std::vector<double> predicted_, full_, row_;
};

}  // namespace gmmpi
