// Stops: signal handlers, deadlines, the watchdog.
#include "app/stopping.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <thread>

#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kBatchMargin = 60.0;
constexpr auto kLastWords = std::chrono::seconds(1);  ///< for the watching thread to write a checkpoint

StopRequest* g_stop = nullptr;  // a signal handler can reach nothing else
std::atomic<std::int64_t> g_first_signal{0};

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

/// mpirun and the batch system may both pass on the same signal: only a later one is a second one.
extern "C" void on_signal(int number) {
  const std::int64_t now = monotonic_ms();
  std::int64_t first = 0;
  const bool is_first = g_first_signal.compare_exchange_strong(first, now);
  g_stop->request(number);
  if (!is_first && now - first >= 1000) ::_exit(128 + number);
}

}  // namespace

void stop_on_signals(StopRequest& stop) {
  g_stop = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGXCPU}) ::sigaction(number, &action, nullptr);
}

void default_signals(StopRequest& stop) {
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGXCPU}) std::signal(number, SIG_DFL);
  if (stop.signalled()) std::raise(SIGTERM);
}

void stop_on_time(StopRequest& stop, const Options& options) {
  double left = std::numeric_limits<double>::infinity();
  std::string reason;
  if (options.has("time-limit")) {
    left = options.duration("time-limit");
    reason = "--time-limit " + options.text("time-limit");
  }
  if (const char* end = std::getenv("SLURM_JOB_END_TIME")) {
    const double rest = std::strtod(end, nullptr) - static_cast<double>(std::time(nullptr));
    const double batch = rest - std::min(kBatchMargin, 0.2 * rest);
    if (rest > 0.0 && batch < left) {
      left = batch;
      reason = "the batch job ends soon";
    }
  }
  if (!reason.empty())
    stop.set_deadline(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(std::min(left, 1e9))),
                      reason);
}

Communicator with_watchdog(const Communicator& comm, const Options& options, StopRequest& stop) {
  if (!options.has("watchdog")) return comm;
  const double patience = options.duration("watchdog");
  return comm.with_watchdog(patience, [comm, patience, &stop](const std::string& who) {
    stop.request(SIGABRT);
    std::this_thread::sleep_for(kLastWords);
    note(
        "gmmpi: stopped early: no answer from {} for {:g} s (stalled, or its host or network is down); "
        "run "
        "the same command again to continue from the last checkpoint\n",
        who, patience);
    comm.abort(static_cast<int>(ExitCode::stopped_early));
  });
}

}  // namespace gmmpi::app
