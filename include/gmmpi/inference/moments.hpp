// Mean and covariance of a whole mixture.
#pragma once

#include <vector>

#include "gmmpi/data/transform.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

struct MixtureMoments {
  std::vector<double> mean;        ///< (d)
  std::vector<double> covariance;  ///< (d, d)
};

/// Local. E[x] = sum_k pi_k mu_k and Cov[x] = sum_k pi_k (Sigma_k + (mu_k - E[x]) (mu_k - E[x])^T), which is
/// Bishop (2006), eqs. 9.49 and 9.50, without their cancellation.
MixtureMoments mixture_moments(const Mixture& mixture);

/// Local. The same of the rows before the transform that leads to the mixture's coordinates (unless that is
/// empty): mean and covariance go the way back.
MixtureMoments mixture_moments(const Mixture& mixture, const Transform& transform);

}  // namespace gmmpi
