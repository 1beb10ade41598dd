// RunLog: what a run says of itself.
#include "app/run_log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "app/option_flags.hpp"
#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr int kMostReseedsShown = 10;
constexpr double kLiveSeconds = 0.1;            ///< between two states of the live line
constexpr double kMostSilentSeconds = 600.0;    ///< between two lines of a log
constexpr const char* kClearLine = "\r\x1b[K";  ///< back to its begin, and empty (ECMA-48: EL)

nlohmann::json number_or_null(double value) {
  return std::isnan(value) ? nlohmann::json() : nlohmann::json(value);
}

std::string duration(double seconds) {
  if (seconds < 100.0) return fmt::format("{:.2g} s", seconds);
  if (seconds < 6000.0) return fmt::format("{:.0f} min", seconds / 60.0);
  return fmt::format("{:.1f} h", seconds / 3600.0);
}

/// Someone is looking, and the line can be written anew.
bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind && std::strcmp(kind, "dumb") != 0;
}

}  // namespace

RunLog::RunLog(const Communicator& comm, const FitOptions& options)
    : root_(comm.is_root()),
      live_(comm.size() == 1 && is_terminal()),
      options_(options),
      json_(nullptr, &std::fclose) {}

RunLog::~RunLog() {
  if (in_line_) note("\n");
}

void RunLog::open_json(const Communicator& comm, const std::string& path) {
  comm.together([&] {
    if (!root_) return;
    json_.reset(std::fopen(path.c_str(), "a"));
    if (!json_)
      throw Error(errno == EACCES ? ExitCode::no_permission : ExitCode::cannot_create,
                  "--log-json " + path + ": " + std::strerror(errno) + "; choose another place");
  });
}

void RunLog::safe_point(const FitState& state) {
  if (state.phase == FitState::Phase::em || seconds() - last_printed_ < 1.0) return;
  if (last_printed_ >= 0.0 && state.lloyd_iterations > 0)
    line(fmt::format("start: k-means, {} sweeps so far", state.lloyd_iterations));
  else if (last_printed_ >= 0.0)
    line(fmt::format("start: looking for {} components", options_.n_components));
  last_printed_ = seconds();
}

double RunLog::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void RunLog::line(const std::string& text) {
  if (root_) note("{}{}\n", in_line_ ? kClearLine : "", text);
  in_line_ = false;
}

void RunLog::warning(const std::string& message) {
  const std::string text = with_flags(message);
  line("gmmpi: warning: " + text);
  event("warning", {{"message", text}});
}

void RunLog::event(const std::string& name, nlohmann::json fields) {
  if (!json_) return;
  nlohmann::ordered_json object{{"event", name}, {"time", seconds()}};
  for (const auto& [key, value] : fields.items()) object[key] = value;
  const std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), json_.get());
  std::fflush(json_.get());
}

void RunLog::restart_begins(int restart) {
  if (options_.n_init > 1 && restart < options_.n_init)
    line(fmt::format("restart {} of {}, seed {}", restart, options_.n_init, options_.seed + restart));
  last_printed_ = -1.0;
  path_.clear();
}

void RunLog::started(const std::string& how) {
  line("start: " + how);
  const Engine::Progress shown = options_.engine->progress();
  line(fmt::format("iteration{:>20}{:>20}      time   time left", shown.head, shown.change_head));
}

void RunLog::iteration(const Iteration& fitted) {
  Iteration it = fitted;
  it.log_likelihood += offset_;
  for (auto& [kind, value] : it.traces)
    if (kind.is_log_likelihood) value += offset_;
  nlohmann::json fields{{"restart", it.restart},
                        {"iteration", it.iteration},
                        {"change", number_or_null(it.change)},
                        {"seconds", it.seconds}};
  if (!std::isnan(it.log_likelihood)) fields[std::string(kLogLikelihood)] = it.log_likelihood;
  for (const auto& [kind, value] : it.traces) fields[std::string(kind.name)] = number_or_null(value);
  last_ = it;
  if (!std::isnan(it.change))
    path_.push_back({std::abs(it.change), it.seconds + (path_.empty() ? 0.0 : path_.back().seconds)});
  fields["iterations_left"] = iterations_left();
  event("iteration", std::move(fields));
  last_was_printed_ = due();
  if (last_was_printed_) print(it);
}

bool RunLog::due() const {
  const double now = seconds(), silent = now - last_printed_;
  if (live_) return last_printed_ < 0.0 || silent >= kLiveSeconds;
  return (last_.iteration <= 10 && !options_.is_short(last_.restart)) ||
         silent >= std::clamp(0.02 * now, 1.0, kMostSilentSeconds);
}

void RunLog::print(const Iteration& it) {
  last_printed_ = seconds();
  const std::string text = fmt::format(
      "{:9}{:20.10g}{:>20}{:>10}{:>12}", it.iteration, it.value(options_.engine->progress().trace),
      std::isnan(it.change) ? "" : fmt::format("{:.3e}", it.change), duration(last_printed_), time_left());
  if (!live_) return line(text);
  note("{}{}", kClearLine, text);
  in_line_ = true;
}

std::size_t RunLog::window() const {
  return std::max<std::size_t>(path_.size() / 4, 1);
}

double RunLog::iterations_left() const {
  const std::size_t n = path_.size();
  if (n < 2 || (options_.tol > 0.0 && path_.back().change <= options_.tol)) return 0.0;
  // A guess from geometric convergence over the last quarter of the iterations, at most what --max-iter
  // leaves: one from the last two would jump with them.
  const double most = options_.max_iter - last_.iteration, change = path_.back().change;
  const double rate = std::log(change / path_[n - 1 - window()].change) / static_cast<double>(window());
  return options_.tol > 0.0 && rate < 0.0 ? std::min(most, std::log(options_.tol / change) / rate) : most;
}

std::string RunLog::time_left() const {
  const double n = iterations_left();
  if (n <= 0.0) return "";
  const double taken = path_.back().seconds - path_[path_.size() - 1 - window()].seconds;
  return "< " + duration(std::max(n, 1.0) * taken / static_cast<double>(window()));
}

void RunLog::reseeded(const Reseed& r) {
  event("reseed",
        {{"restart", r.restart}, {"iteration", r.iteration}, {"component", r.component}, {"row", r.row}});
  if (++n_reseeds_ > kMostReseedsShown) return;
  warning(fmt::format("component {} collapsed at iteration {} and was put at row {}, the worst explained{}",
                      r.component, r.iteration, r.row,
                      n_reseeds_ == kMostReseedsShown
                          ? " (further ones are only counted: fewer components or a larger "
                            "--reg-covar may help)"
                          : ""));
}

void RunLog::recentred(int restart, int iteration) {
  event("recentred", {{"restart", restart}, {"iteration", iteration}});
}

void RunLog::rejected(int restart, int iteration, double log_likelihood) {
  event("rejected", {{"restart", restart},
                     {"iteration", iteration},
                     {"log_likelihood", number_or_null(log_likelihood + offset_)}});
}

void RunLog::restart_ended(int restart, bool converged, double log_likelihood) {
  if (!last_was_printed_) print(last_);
  if (in_line_) note("\n");  // the last state stays
  in_line_ = false;
  const bool goes_on = options_.is_short(restart);
  const bool last_one = last_.iteration >= options_.max_iter;
  const bool as_asked =
      converged || goes_on || options_.tol == 0.0 || (last_one && options_.engine->works_in_passes());
  if (!as_asked && last_one)
    warning(fmt::format(
        "not converged after {} iterations: raise --max-iter, or continue with the result as --init",
        last_.iteration));
  else if (!as_asked)
    warning("components collapse again and again: use fewer, or a larger --reg-covar");
  event("restart_end",
        {{"restart", restart}, {"converged", converged}, {"log_likelihood", log_likelihood + offset_}});
}

}  // namespace gmmpi::app
