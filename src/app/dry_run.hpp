// fit --dry-run: what the fit would take.
#pragma once

#include "app/inputs.hpp"
#include "app/run_log.hpp"

namespace gmmpi::app {

/// Collective. Says where threads may run, how long an iteration will take, judged by a few iterations on
/// some of the rows, and how large a checkpoint is; as JSON on standard output if --json is given. Writes no
/// file.
void dry_run(const Execution& execution, const Options& options, const FitOptions& fit_options,
             const OpenedData& inputs, const MemoryPlan& plan, RunLog& log);

}  // namespace gmmpi::app
