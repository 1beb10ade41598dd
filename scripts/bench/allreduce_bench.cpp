// The reduction of an iteration on its own: seconds per Communicator::sum, for model.py.
//
//   mpirun -n P allreduce_bench N...     for messages of N 64-bit integers; prints "bytes seconds" per line
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "gmmpi/parallel/mpi.hpp"

namespace {

/// Median of `n_repeats` sums of `n` integers, each begun together.
double seconds_per_sum(const gmmpi::Communicator& comm, std::int64_t n, int n_repeats) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::int64_t> message(n);
  std::vector<double> seconds;
  for (int i = 0; i < n_repeats; ++i) {
    comm.barrier();
    const auto begin = Clock::now();
    comm.sum(message);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(seconds, seconds.begin() + n_repeats / 2);
  return seconds[n_repeats / 2];
}

}  // namespace

int main(int argc, char** argv) {
  gmmpi::MpiSession session(&argc, &argv);
  const gmmpi::Communicator comm = gmmpi::make_communicator(MPI_COMM_WORLD);
  for (int i = 1; i < argc; ++i) {
    const std::int64_t n = std::atoll(argv[i]);
    const double seconds = seconds_per_sum(comm, n, n < 100'000 ? 201 : 31);
    if (comm.is_root()) fmt::print("{} {:.9f}\n", 8 * n, seconds);
  }
}
