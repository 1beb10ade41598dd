// Volumes of components that share a shape: the inner problem of VEI, VEE and VEV.
#pragma once

#include <vector>

#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

/// Covariances lambda_k C of components that share C, whatever the volume of C.
struct SharedShape {
  std::vector<double> scale;  ///< (K) lambda_k
  std::vector<double> shape;  ///< C: (d) variances or (d, d)
};

/// The lambda_k and C that minimise sum_k N_k d ln lambda_k + n ln |C| + sum_k tr(C^-1 V_k) / lambda_k: with
/// C = sum_k V_k / (n lambda_k) put in, a convex function of the ln lambda_k with one minimum, found by
/// Newton's method with halved steps, to the last digit. (Celeux & Govaert, Pattern Recognition 28, 1995,
/// iterate lambda and C in turn.) `V` holds K diagonals (K, d), or K matrices; counts and kernels are those
/// of `m`, and `start`, (K), the lambda_k to start from; empty: tr V_k / (N_k d). A component with V_k = 0
/// has lambda 0.
SharedShape shared_shape_of_diagonals(const CentralScatter& m, const std::vector<double>& V,
                                      const std::vector<double>& start);
SharedShape shared_shape_of_matrices(const CentralScatter& m, const std::vector<std::vector<double>>& V,
                                     const std::vector<double>& start);

/// (K) the traces of the covariances of before, which are in proportion to their volumes; empty if there are
/// none.
std::vector<double> scales_before(const CentralScatter& m, bool diagonal);

}  // namespace gmmpi
