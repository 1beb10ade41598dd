// The program gmmpi: options, execution, command, exit code.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <functional>

#include "app/commands.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/parallel/mpi.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace {

using namespace gmmpi;
using namespace gmmpi::app;

/// One line on standard error, from one rank.
int report(const Communicator& comm, ExitCode code, const std::string& message) {
  const char* kind = code == ExitCode::stopped_early ? "stopped early" : "error";
  if (comm.is_root()) fmt::print(stderr, "gmmpi: {}: {}\n", kind, message);
  return static_cast<int>(code);
}

void run(const Communicator& comm, const Options& options) {
  static const std::map<std::string, std::function<void(const Execution&, const Options&)>> commands{
      {"fit", fit_command},       {"score", score_command}, {"predict", predict_command},
      {"sample", sample_command}, {"info", info_command},   {"convert", convert_command}};
  const Execution execution = make_execution(comm, options);
  commands.at(options.command)(execution, options);
}

/// Parsing is the same on all ranks, but files (--config) need not be: all ranks fail together.
int run_all(const Communicator& comm, int argc, char** argv) {
  try {
    std::optional<Options> options;
    std::string help;
    comm.together([&] { options = parse_command_line(argc, argv, help); });
    if (options)
      run(comm, *options);
    else if (comm.is_root())
      fmt::print("{}", help);
    return 0;
  } catch (const Error& e) {
    return report(comm, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "gmmpi: error: not enough memory on rank {}: use more nodes or fewer ranks per node\n",
               comm.rank());
    comm.abort(static_cast<int>(ExitCode::no_memory));
  } catch (const std::exception& e) {
    fmt::print(stderr, "gmmpi: error: internal error on rank {}: {}; please report it\n", comm.rank(),
               e.what());
    comm.abort(static_cast<int>(ExitCode::internal));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, not a death
  std::signal(SIGPIPE, SIG_IGN);
  MpiSession session(&argc, &argv);
  return run_all(make_communicator(MPI_COMM_WORLD), argc, argv);
}
