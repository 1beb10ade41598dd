// Random mixtures of known separation, for studies of what fits find again.
#pragma once

#include <cstdint>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

struct RandomMixture {
  int n_components = 1;                      ///< K
  int n_features = 1;                        ///< d
  const CovarianceStructure* structure = nullptr;  ///< with covariances
  double separation = 2.0;                   ///< c of the closest pair; 0: all means are alike
  int concentration = 5;  ///< of the Dirichlet distribution of the weights; more: more even
  std::uint64_t seed = 0;
};

/// Local. Weights from Dirichlet(a, ..., a) with a = concentration; covariances Q diag(lambda) Q^T with Q
/// uniform over the rotations and reflections (Stewart 1980) and lambda_j uniform in [0.1, 1], of which
/// `diag` and `spherical` have no Q, and `spherical` one lambda; means from a standard normal distribution,
/// all scaled so that
///   min over pairs of |mu_i - mu_j| / sqrt(d max(lambda_max(Sigma_i), lambda_max(Sigma_j))) = separation,
/// which makes the mixture c-separated for c = separation, and no more (Dasgupta 1999): 2-separated
/// components hardly overlap, 1/2-separated ones do, above all in few columns. The same bits everywhere.
/// Errors: 64 numbers out of range.
Mixture random_mixture(const RandomMixture& wanted, const KernelTable& kernels);

}  // namespace gmmpi
