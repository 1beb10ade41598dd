// Sequential means: every row, or every mini-batch, moves the means at once.
#pragma once

#include <cstdint>

#include "em/problem.hpp"

namespace gmmpi {

/// Collective. From state.centers, passes over the rows in which the mean k nearest to row n moves by
///     N_k += w_n,  mu_k += w_n / N_k (x_n - mu_k),
/// N_k from 0 (MacQueen 1967; Bishop 2006, section 2.3.5 and eq. 9.5): one row after the other, in the order
/// of their numbers, each rank in turn. With p.options.n_batches > 0 all rows of a mini-batch are assigned to
/// the means that it met, and their exact sums move these likewise (Sculley 2010), on all ranks and threads.
/// Ends as k-means does. state.running_sums holds the N_k, which go on from pass to pass.
void run_sequential(const Problem& p, FitState& state);

}  // namespace gmmpi
