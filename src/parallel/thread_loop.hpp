// The one loop over threads: indices handed out dynamically, exceptions brought home.
#pragma once

#include <cstdint>
#include <functional>

namespace gmmpi {

/// Processors this process may run on (its affinity mask, not the machine's).
int available_processors();
/// What OMP_NUM_THREADS or, without it, the affinity mask gives.
int default_threads();

/// Calls work(index, thread) once for each index of [first, last) on `n_threads` threads, in any
/// order. The first exception (of the lowest index that threw) is thrown again on the caller.
void for_each_index(std::int64_t first, std::int64_t last, int n_threads,
                    const std::function<void(std::int64_t index, int thread)>& work);

}  // namespace gmmpi
