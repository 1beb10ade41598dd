// The makers of all covariance families; registry.cpp lists them.
#pragma once

#include <memory>

#include "gmmpi/model/covariance_family.hpp"
#include "kernels/scatter.hpp"

namespace gmmpi {

std::unique_ptr<CovarianceFamily> make_full();
std::unique_ptr<CovarianceFamily> make_tied();
std::unique_ptr<CovarianceFamily> make_diag();
std::unique_ptr<CovarianceFamily> make_spherical();
std::unique_ptr<CovarianceFamily> make_bernoulli();

}  // namespace gmmpi
