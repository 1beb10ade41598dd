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
std::unique_ptr<CovarianceStructure> make_eii();
std::unique_ptr<CovarianceStructure> make_eei();
std::unique_ptr<CovarianceStructure> make_vei();
std::unique_ptr<CovarianceStructure> make_evi();
std::unique_ptr<CovarianceStructure> make_vee();
std::unique_ptr<CovarianceStructure> make_eve();
std::unique_ptr<CovarianceStructure> make_vve();
std::unique_ptr<CovarianceStructure> make_eev();
std::unique_ptr<CovarianceStructure> make_vev();
std::unique_ptr<CovarianceStructure> make_evv();
std::unique_ptr<CovarianceStructure> make_no_structure();

}  // namespace gmmpi
