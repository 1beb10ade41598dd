// The one loop over threads: to each its share of the indices, then what others have not begun; exceptions
// are brought home.
#pragma once

#include <cstdint>
#include <functional>

namespace gmmpi {

/// Processors this process may run on (its affinity mask, not the machine's).
int available_processors();
/// Processors of this machine.
int machine_processors();
/// What OMP_NUM_THREADS says; without it a fair share of the processors this process may run on, where
/// `n_processes` processes of this machine may share them.
int default_threads(int n_processes = 1);

/// Calls work(index, thread) once for each index of [first, last) on `n_threads` threads, in any
/// order. Each thread begins with its share of consecutive indices, always the same ones, so that memory it
/// was the first to touch lies near it; then it takes from the others' shares. The first exception (of the
/// lowest index that threw) is thrown again on the caller.
void for_each_index(std::int64_t first, std::int64_t last, int n_threads,
                    const std::function<void(std::int64_t index, int thread)>& work);

}  // namespace gmmpi
