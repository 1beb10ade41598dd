// The lower bound that an iteration of EM has raised, and how far the parameters have moved.
#pragma once

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Collective. sum_n w_n KL(q_n || r_n), with q_n the responsibilities of row n under `before` and r_n those
/// under `now`; never negative. Bishop (2006), eq. 9.72.
double responsibility_divergence(const Execution& execution, const Data& data, const Mixture& before,
                                 const Mixture& now);

/// Collective. Appends to state.traces what trace_bound asks for, of state.model, which the last entry of
/// state.history belongs to; `previous` are the parameters before it. A pass over the data; it changes
/// nothing else.
void trace_bound(const Execution& execution, const Data& data, const Mixture& previous, FitState& state);

}  // namespace gmmpi
