// What the structures have in common whose components' covariances depend on each other.
#pragma once

#include <vector>

#include "kernels/scatter.hpp"
#include "model/structures/dense_algebra.hpp"
#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

/// Leaves out components without rows, so that they do not weigh on the others; they get what the others have
/// on average.
class JointStructure : public CovarianceStructure {
 public:
  std::vector<double> covariances(const CentralScatter& moments) const final;

 protected:
  /// The same, where all components have rows and `kernels` is set.
  virtual std::vector<double> maximise(const CentralScatter& moments) const = 0;
};

/// (K, d): the diagonal scatters as they are, but for components of which no entry reaches N_k times the
/// floor: theirs become that. For structures where other components determine the shape.
std::vector<double> scatters_of_some_size(const CentralScatter& m);

/// (K, d): the diagonal scatters, no entry less than N_k times the floor. For structures with a shape of each
/// component's own.
std::vector<double> scatters_above_floor(const CentralScatter& m);

/// K full scatters, no eigenvalue of F^-1/2 W_k F^-1/2 less than N_k, where F is the floor's diagonal matrix.
std::vector<std::vector<double>> full_scatters_above_floor(const CentralScatter& m);

/// K full scatters; the diagonal of those of which no diagonal entry reaches N_k times the floor grows by
/// that.
std::vector<std::vector<double>> full_scatters_of_some_size(const CentralScatter& m);

/// K - 1 volumes more than one.
inline std::int64_t n_volumes(bool equal, int K) {
  return equal ? 1 : K;
}
/// Angles of one orientation.
inline std::int64_t n_angles(int d) {
  return std::int64_t{d} * (d - 1) / 2;
}

}  // namespace gmmpi
