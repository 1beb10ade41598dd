// Principal components of data, and transforms made from the data's moments.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/transform.hpp"

namespace gmmpi {

/// Of the covariance of all rows, weighted, divided by the total weight (scikit-learn divides by N - 1). In
/// order of falling variance; a component's entry of largest magnitude (the first of equals) is positive.
struct PrincipalComponents {
  std::vector<double> mean;        ///< (d)
  std::vector<double> components;  ///< (d, d), orthonormal rows
  std::vector<double> variance;    ///< (d), not negative: the eigenvalues
  double total_variance = 0.0;     ///< of all columns: the sum of the eigenvalues

  /// Components whose variance is more than rounding leaves of none.
  int rank() const;
  /// The least number of components that explain `share` (0 < share <= 1) of the total variance; at most
  /// rank().
  int n_for_share(double share) const;
  /// To the first `n` components; `whiten` divides each by its standard deviation. Errors: 64 n > d; 65
  /// whitening a component without variance, or columns that are all constant.
  Transform transform(int n, bool whiten) const;
};

/// Collective. Bishop (2006), section 12.1: mean and covariance from exact sums, so the same bits on any
/// ranks and threads; then an eigendecomposition on every rank alike.
PrincipalComponents principal_components(const Execution& execution, const Data& data);

/// Bytes that its sums need per rank, besides the data.
std::int64_t principal_components_bytes(const Execution& execution, Index n_rows, int n_columns);

/// Collective. Columns of mean 0 and variance 1 (divided by the total weight); a constant column keeps its
/// unit.
Transform standardising(const Execution& execution, const Data& data);

}  // namespace gmmpi
