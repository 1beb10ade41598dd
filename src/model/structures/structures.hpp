// The makers of all covariance structures; registry.cpp lists them.
#pragma once

#include <memory>

#include "gmmpi/model/covariance_structure.hpp"
#include "kernels/scatter.hpp"

namespace gmmpi {

std::unique_ptr<CovarianceStructure> make_full();
std::unique_ptr<CovarianceStructure> make_tied();
std::unique_ptr<CovarianceStructure> make_diag();
std::unique_ptr<CovarianceStructure> make_spherical();
std::unique_ptr<CovarianceStructure> make_no_structure();

}  // namespace gmmpi
