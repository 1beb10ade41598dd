// The thread loop over OpenMP.
#include "parallel/thread_loop.hpp"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <limits>
#include <mutex>
#include <vector>

#include "gmmpi/expect.hpp"

namespace gmmpi {

int available_processors() {
  return omp_get_num_procs();
}
int machine_processors() {
  return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}
int default_threads(int n_processes) {
  if (std::getenv("OMP_NUM_THREADS")) return omp_get_max_threads();
  return std::clamp(machine_processors() / n_processes, 1, available_processors());
}

void for_each_index(std::int64_t first, std::int64_t last, int n_threads,
                    const std::function<void(std::int64_t, int)>& work) {
  GMMPI_EXPECT(first <= last && n_threads >= 1);
  std::exception_ptr failure;
  std::int64_t failed_index = std::numeric_limits<std::int64_t>::max();
  std::mutex mutex;
  struct alignas(64) Share {
    std::atomic<std::int64_t> next;
  };
  const auto begin = [&](int share) { return first + (last - first) * share / n_threads; };
  std::vector<Share> shares(n_threads);
  for (int t = 0; t < n_threads; ++t) shares[t].next = begin(t);
#pragma omp parallel num_threads(n_threads)
  {
    const int thread = omp_get_thread_num();
    for (int t = 0; t < n_threads; ++t) {
      const int share = (thread + t) % n_threads;
      for (std::int64_t i = 0; (i = shares[share].next++) < begin(share + 1);) {
        try {
          work(i, thread);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (i < failed_index) {
            failed_index = i;
            failure = std::current_exception();
          }
        }
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gmmpi
