// Newton's step for all angles of an orientation at once.
#pragma once

#include <span>
#include <vector>

#include "model/structures/common_orientation.hpp"

namespace gmmpi {

struct NewtonTurn {
  std::vector<double> angles;  ///< theta_ij, i < j, row by row: axes i and j turn by it; empty: no step
  double gain = 0.0;           ///< of the objective, half of what its slope promises
};

/// From K matrices M_k = D^T W_k D (d, d), towards less of sum_k N_k sum_j ln g_kj / d, or of sum_k v_k with
/// v_k = (prod_j g_kj)^(1/d). `weights` (K) are the N_k or the v_k. Where the second derivatives are no
/// metric, a multiple of their diagonal is added; where that does not help either, there is no step. Takes
/// O(K d^3 + d^6) operations.
NewtonTurn newton_turn(const std::vector<std::vector<double>>& M, std::span<const double> weights, int d,
                       OrientationRule rule);

}  // namespace gmmpi
