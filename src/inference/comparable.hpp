// A covariance structure in which two mixtures can be compared component by component.
#pragma once

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// The simplest of diag and full that holds the covariances of both, which are of the same kind.
const CovarianceStructure& comparable(const Mixture& a, const Mixture& b);

}  // namespace gmmpi
