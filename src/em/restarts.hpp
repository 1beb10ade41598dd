// The restarts of a fit: what each leaves, which is best, and which one goes on.
#pragma once

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

/// Lets the restart that goes on with the best short one begin where that ended: its last log-likelihood is
/// computed again.
void continue_best(FitState& state);

/// What a fit raises, at the end of `path`: with a prior the log posterior, else what the engine says.
double objective(const FitOptions& options, const Path& path);

/// Ends a restart: state.best is the better of it and those before; the one that went on with the best is
/// it. `state` is the begin of the next.
void finish_restart(const FitOptions& options, FitState& state);

}  // namespace gmmpi
