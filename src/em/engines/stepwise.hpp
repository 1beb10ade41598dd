// Stepwise EM: an M-step after every mini-batch, on running averages of the moments.
#pragma once

#include <cstdint>
#include <vector>

#include "em/problem.hpp"

namespace gmmpi {

/// Collective. Online EM (Cappe & Moulines 2009) from state.model: passes over the mini-batches, until the
/// running log-likelihood of a pass changes by less than tol per row, or max_iter passes. The moments per
/// unit of weight are averaged with long steps and, in a last pass, ever shorter ones, or, where options give
/// an exponent, (t + 2)^-a; about the present means, so that an offset of the data costs no accuracy. Ends
/// with a sweep for the log-likelihood of the model that is left. Errors: as EM.
void run_stepwise(const Problem& p, FitState& state);

/// The order in which a pass takes its mini-batches: a permutation of 0, ..., n - 1, drawn by the seed.
std::vector<int> batch_order(std::uint64_t seed, int pass, int n);

/// The moments per unit of weight of which the M-step without regularisation makes this model.
Moments moments_of(const Mixture& model);

/// The same moments about other centres.
Moments recentred(Moments moments, const std::vector<double>& centers);

}  // namespace gmmpi
