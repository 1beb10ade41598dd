// Scatters in the coordinates of orientations, common or each component's own.
#pragma once

#include <vector>

#include "model/structures/common_orientation.hpp"
#include "model/structures/joint.hpp"

namespace gmmpi {

/// Scatters, none below the floor, in the orientation that suits them all best; from that of the covariances
/// of before, or from anywhere.
CommonOrientation oriented_scatters(const CentralScatter& m, OrientationRule rule);

/// (K, d, d): D diag(variances_k) D^T; or the covariances of before, where these have the higher expected
/// log-likelihood by more than rounding, so that EM never lowers the log-likelihood.
std::vector<double> covariances_of_axes(const CentralScatter& m, const CommonOrientation& found);

/// Eigenvalues, falling in each component, and eigenvectors of K scatters.
struct SortedScatters {
  std::vector<double> values;             ///< (K, d), none negative
  std::vector<std::vector<double>> axes;  ///< K times (d, d): rows are eigenvectors
  std::vector<double> floor;              ///< (d) the least variance of all columns, for each; empty: none
};
SortedScatters sorted_scatters(const CentralScatter& m);

/// From scatters (K, d) in coordinates where covariances are diagonal to the variances of one volume: v_kj =
/// g_kj / h_k sum_l h_l / n with h_k = (prod_j g_kj)^(1/d). Where h_k is 0, g_kj / N_k.
void equalise_volumes(const CentralScatter& m, std::vector<double>& g);

}  // namespace gmmpi
