// What a computation runs on: the ranks, the threads of each, and the kernels.
#pragma once

#include "gmmpi/parallel/communicator.hpp"
#include "gmmpi/parallel/profile.hpp"
#include "gmmpi/parallel/stop.hpp"

namespace gmmpi {

struct KernelTable;

/// None of its members can change a bit of any result.
struct Execution {
  Communicator comm = Communicator::single();
  int n_threads = 1;
  const KernelTable* kernels = nullptr;
  const StopRequest* stop = nullptr;  ///< null: never
  Profile* profile = nullptr;         ///< null: times are not kept
};

}  // namespace gmmpi
