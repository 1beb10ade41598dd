// The timing table at the end of a fit: seconds per phase, over the ranks.
#pragma once

#include "app/run_log.hpp"
#include "gmmpi/parallel/profile.hpp"

namespace gmmpi::app {

/// What one rank measured besides its profile.
struct WallTimes {
  double total = 0.0, reading = 0.0, checkpoints = 0.0;
};

/// Collective. Logs, per phase, the least, mean and largest of the ranks' seconds, as lines and as the event
/// `timing`.
void report_timing(const Communicator& comm, const Profile& profile, const WallTimes& wall, RunLog& log);

}  // namespace gmmpi::app
