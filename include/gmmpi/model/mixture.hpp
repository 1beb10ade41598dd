// A Gaussian mixture: weights, means, covariances and their precision factors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmpi/model/covariance_family.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

struct KernelTable;

/// Arrays are row-major, in the data's own units; shapes as in scikit-learn.
struct Mixture {
  const CovarianceFamily* family = nullptr;
  int n_components = 0;                     ///< K
  int n_features = 0;                       ///< d
  std::vector<double> weights;              ///< (K), sum 1
  std::vector<double> means;                ///< (K, d)
  std::vector<double> covariances;          ///< (K, d, d), (d, d), (K, d), (K), or none
  std::vector<double> precisions_cholesky;  ///< as covariances; upper triangular U with precision U U^T
  std::vector<double> log_det;              ///< (K) ln det U_k
  double log_volume = 0.0;  ///< added to every log density: that of the Transform that the rows went through

  PrecisionShape shape() const { return family->precision_shape(); }
  /// Free parameters: K - 1 weights, K d means, and those of the covariances.
  std::int64_t n_parameters() const;
};

/// Fills precisions_cholesky and log_det from covariances. Returns the components whose covariance is
/// not positive definite (all of them if it is shared); theirs are left unset. A Cholesky pivot below
/// 4 d eps of its column's variance counts as zero.
std::vector<int> factorise(Mixture& mixture, const KernelTable& kernels);

/// Collective. The same; many large covariances are shared between the threads and the ranks.
std::vector<int> factorise(Mixture& mixture, const Execution& execution);

/// Throws Error 65 that starts with `name` unless shapes fit, everything is finite, weights are not negative
/// and sum to 1 within 1e-6 (then they are normalised), and covariances are symmetric and positive definite.
void validate(Mixture& mixture, const KernelTable& kernels, const std::string& name);

/// The same components under another family: diagonals taken or spread, shared covariances copied or
/// averaged by weight.
Mixture with_family(const Mixture& mixture, const CovarianceFamily& family, const KernelTable& kernels);

/// Component k's covariance as a full (d, d) matrix (for Bernoulli components mu (1 - mu) on the diagonal).
std::vector<double> full_covariance(const Mixture& mixture, int k);

}  // namespace gmmpi
