// EM iterations in memory, timed on demand, so that scripts can interleave several programs finely.
//
//   [mpirun -n P] sweep_bench DATA START CONTROL THREADS auto|none [SIMD]
//
// Reads the rows and the start once and says "ready". Rank r then reads the pipe CONTROL.r: for each number
// n in it, n iterations are done from the start, and rank 0 prints their seconds, the seconds
// of its processors, and the log-likelihood. The last words are those of gmmpi's options --skip and --simd.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/open_data.hpp"
#include "gmmpi/parallel/mpi.hpp"
#include "kernels/table.hpp"

namespace {

using namespace gmmpi;

/// Looks at the clocks after 0 and after n M-steps: what lies between is n iterations and nothing else.
class Clocks final : public FitObserver {
 public:
  void iteration(const Iteration& done) override {
    const auto now = std::chrono::steady_clock::now();
    const std::clock_t processor_now = std::clock();
    if (done.iteration == 0) begin_ = now, processor_begin_ = processor_now;
    seconds = std::chrono::duration<double>(now - begin_).count();
    processor_seconds = static_cast<double>(processor_now - processor_begin_) / CLOCKS_PER_SEC;
  }
  double seconds = 0.0, processor_seconds = 0.0;  ///< the latter of all threads of this rank

 private:
  std::chrono::steady_clock::time_point begin_;
  std::clock_t processor_begin_ = 0;
};

void serve(const Communicator& comm, char** argv, const std::string& simd) {
  Execution execution;
  execution.comm = comm;
  execution.n_threads = std::atoi(argv[4]);
  execution.kernels = &select_kernels(simd);
  const auto rows = open_data(comm, argv[1]);
  const MemoryData data(execution, *rows, nullptr);
  FitOptions options;
  options.start = read_model(execution, argv[2]);
  options.init = Init::model;
  options.n_components = options.start->n_components;
  options.structure = options.start->structure;
  options.tol = 0.0;
  options.reg_covar = 0.0;
  options.skip = std::string(argv[5]) == "auto";

  std::ifstream control(fmt::format("{}.{}", argv[3], comm.rank()));
  if (comm.is_root()) fmt::print("ready\n");
  std::fflush(stdout);
  while (control >> options.max_iter) {
    comm.barrier();
    Clocks clocks;
    const FitResult result = fit(execution, data, options, clocks);
    if (!comm.is_root()) continue;
    fmt::print("{:.9f} {:.9f} {:.17g}\n", clocks.seconds, clocks.processor_seconds, result.log_likelihood());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const Communicator comm = make_communicator(MPI_COMM_WORLD);
  if (argc != 6 && argc != 7) return static_cast<int>(ExitCode::usage);
  try {
    serve(comm, argv, argc > 6 ? argv[6] : "auto");
  } catch (const Error& e) {
    if (comm.is_root()) fmt::print(stderr, "sweep_bench: {}\n", e.what());
    return static_cast<int>(e.code());
  }
  return 0;
}
