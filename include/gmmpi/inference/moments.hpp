// Mean and covariance of a whole mixture.
#pragma once

#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

struct MixtureMoments {
  std::vector<double> mean;        ///< (d)
  std::vector<double> covariance;  ///< (d, d)
};

/// Local. E[x] = sum_k pi_k mu_k and Cov[x] = sum_k pi_k (Sigma_k + (mu_k - E[x]) (mu_k - E[x])^T), which is
/// Bishop (2006), eqs. 9.49 and 9.50, without their cancellation.
MixtureMoments mixture_moments(const Mixture& mixture);

}  // namespace gmmpi
