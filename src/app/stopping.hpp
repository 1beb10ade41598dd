// How a run is asked to stop: by signal, time limit, end of the batch job, or a rank that is lost.
#pragma once

#include "app/options.hpp"
#include "gmmpi/parallel/communicator.hpp"
#include "gmmpi/parallel/stop.hpp"

namespace gmmpi::app {

/// From now on SIGUSR1, SIGUSR2, SIGTERM, SIGINT and SIGXCPU ask `stop` to stop; one that comes a second or
/// more after the first ends the process at once. `stop` must live as long as the process.
void stop_on_signals(StopRequest& stop);

/// The signals have their usual effect again; one that came already takes it now.
void default_signals(StopRequest& stop);

/// Sets the deadline of --time-limit, or of the batch system (SLURM_JOB_END_TIME, at most a minute before),
/// whichever is earlier. Error 64.
void stop_on_time(StopRequest& stop, const Options& options);

/// The communicator, with --watchdog if that is given: when ranks do not answer, `stop` is asked to stop (so
/// that rank 0 writes its last safe point) and the job ends with one message and code 75. Error 64.
Communicator with_watchdog(const Communicator& comm, const Options& options, StopRequest& stop);

}  // namespace gmmpi::app
