// The program gmmpi: options, execution, command, exit code.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "app/argument_order.hpp"
#include "app/commands.hpp"
#include "app/option_flags.hpp"
#include "app/say.hpp"
#include "app/stopping.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/parallel/mpi.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace {

using namespace gmmpi;
using namespace gmmpi::app;

/// One line: control characters of file names and foreign messages do not break it.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return text;
}

/// Standard output is a pipe whose reader has seen enough (| head).
bool reader_left() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// One line on standard error, from one rank.
int report(bool speaks, ExitCode code, const std::string& message) {
  const char* kind = code == ExitCode::stopped_early ? "stopped early" : "error";
  if (speaks) note("gmmpi: {}: {}\n", kind, printable(with_flags(message)));
  return static_cast<int>(code);
}

/// Environment and configuration files may differ between hosts: what rank 0 has resolved holds for all.
void share(const Communicator& comm, Options& options) {
  std::string text = nlohmann::json{options.command, options.arguments, options.values, options.given}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string mine = text;
  comm.broadcast(text);
  if (text == mine) return;
  const auto json = nlohmann::json::parse(text);
  options.command = json[0].get<std::string>();
  options.arguments = json[1].get<std::map<std::string, std::string>>();
  options.values = json[2].get<std::map<std::string, std::string>>();
  options.given = json[3].get<std::set<std::string>>();
}

/// Commands that leave off when they are asked to; the others simply end.
bool stops_early(const std::string& command) {
  static const std::set<std::string> long_ones{"fit",     "select", "score",     "predict", "regress",
                                               "compare", "pca",    "transform", "impute",  "denoise"};
  return long_ones.contains(command);
}

void run(const Communicator& comm, const Options& options, StopRequest& stop) {
  static const std::map<std::string, std::function<void(const Execution&, const Options&, StopRequest&)>>
      commands{{"fit", fit_command},           {"score", score_command},
               {"predict", predict_command},   {"sample", sample_command},
               {"marginal", marginal_command}, {"condition", condition_command},
               {"regress", regress_command},   {"compare", compare_command},
               {"info", info_command},         {"convert", convert_command},
               {"man", man_command},           {"completion", completion_command},
               {"pca", pca_command},           {"transform", transform_command},
               {"select", select_command},     {"simulate", simulate_command},
               {"impute", impute_command},     {"denoise", denoise_command},
               {"selftest", selftest_command}};
  Execution execution = make_execution(comm, options);
  execution.stop = &stop;
  check_order(comm, options);
  commands.at(options.command)(execution, options, stop);
}

/// Parsing is the same on all ranks, but files (--config) need not be: all ranks fail together.
int run_all(const Communicator& comm, int argc, char** argv, StopRequest& stop) {
  try {
    std::optional<Options> options;
    std::string help;
    comm.together([&] { options = parse_command_line(argc, argv, help); });
    if (options) {
      share(comm, *options);
      if (!stops_early(options->command)) default_signals(stop);
      run(comm, *options, stop);
    } else if (comm.is_root()) {
      say("{}", help);
    }
    comm.together([] {
      if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && !reader_left())
        throw Error(ExitCode::io_failed, "standard output cannot be written; check where it goes");
    });
    return 0;
  } catch (const Error& e) {
    return report(comm.is_root(), e.code(), e.what());
  } catch (const std::bad_alloc&) {
    note("gmmpi: error: not enough memory on rank {}: use more nodes or fewer ranks per node\n", comm.rank());
    comm.abort(static_cast<int>(ExitCode::no_memory));
  } catch (const std::exception& e) {
    note("gmmpi: error: internal error on rank {}: {}; please report it\n", comm.rank(), e.what());
    comm.abort(static_cast<int>(ExitCode::internal));
  }
}

/// Pictures need no MPI; returns only if they cannot be drawn.
int plot(int argc, char** argv) {
  try {
    plot_command(argc, argv);
  } catch (const Error& e) {
    return report(true, e.code(), e.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "plot") return plot(argc, argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, not a death
  std::signal(SIGPIPE, SIG_IGN);
  static StopRequest stop;  // the signal handler knows it until the process ends
  stop_on_signals(stop);
  const Launch launch = find_launch(environ);
  const auto refuse = [&] { return report(launch.speaks(), ExitCode::usage, launch.refusal()); };
  if (!launch.has_mpi) return launch.size > 1 ? refuse() : run_all(Communicator::single(), argc, argv, stop);
  MpiSession session(&argc, &argv);
  const Communicator world = make_communicator(MPI_COMM_WORLD);
  if (world.size() == 1 && launch.size > 1) return refuse();
  return run_all(world, argc, argv, stop);
}
