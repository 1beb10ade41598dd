// RunLog: what a run says of itself.
#include "app/run_log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr int kMostReseedsShown = 10;

std::string duration(double seconds) {
  if (seconds < 100.0) return fmt::format("{:.2g} s", seconds);
  if (seconds < 6000.0) return fmt::format("{:.0f} min", seconds / 60.0);
  return fmt::format("{:.1f} h", seconds / 3600.0);
}

}  // namespace

RunLog::RunLog(const Communicator& comm, const FitOptions& options)
    : root_(comm.is_root()), options_(options), json_(nullptr, &std::fclose) {}

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
  if (on_safe_point_) on_safe_point_(state);
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
  if (root_) note("{}\n", text);
}

void RunLog::warning(const std::string& text) {
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
  iteration_seconds_ = previous_change_ = 0.0;
}

void RunLog::started(const std::string& how) {
  line("start: " + how);
  line("iteration      log-likelihood      change per row      time   time left");
}

void RunLog::iteration(const Iteration& it) {
  event("iteration", {{"restart", it.restart},
                      {"iteration", it.iteration},
                      {"log_likelihood", it.log_likelihood},
                      {"change", std::isnan(it.change) ? nlohmann::json() : nlohmann::json(it.change)},
                      {"seconds", it.seconds}});
  iteration_seconds_ = iteration_seconds_ == 0.0 ? it.seconds : 0.8 * iteration_seconds_ + 0.2 * it.seconds;
  last_ = it;
  last_was_printed_ =
      (it.iteration <= 10 && !options_.is_short(it.restart)) || seconds() - last_printed_ >= 1.0;
  if (last_was_printed_) print(it);
  previous_change_ = it.change;
}

void RunLog::print(const Iteration& it) {
  last_printed_ = seconds();
  line(fmt::format("{:9}{:20.10g}{:>20}{:>10}{:>12}", it.iteration, it.log_likelihood,
                   std::isnan(it.change) ? "" : fmt::format("{:.3e}", it.change), duration(last_printed_),
                   time_left(it)));
}

std::string RunLog::time_left(const Iteration& it) const {
  // A guess from geometric convergence, at most what --max-iter leaves.
  double steps = options_.max_iter - it.iteration;
  const double ratio = it.change / previous_change_;
  if (options_.tol > 0.0 && ratio > 0.0 && ratio < 1.0 && it.change > options_.tol)
    steps = std::min(steps, std::log(options_.tol / it.change) / std::log(ratio));
  else if (it.iteration < 2 || it.change <= options_.tol)
    return "";
  return "< " + duration(std::max(steps, 1.0) * iteration_seconds_);
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
  event("rejected",
        {{"restart", restart},
         {"iteration", iteration},
         {"log_likelihood", std::isnan(log_likelihood) ? nlohmann::json() : nlohmann::json(log_likelihood)}});
}

void RunLog::restart_ended(int restart, bool converged, double log_likelihood) {
  if (!last_was_printed_) print(last_);
  const bool goes_on = options_.is_short(restart);
  if (!converged && !goes_on && options_.tol > 0.0 && last_.iteration >= options_.max_iter)
    warning(fmt::format(
        "not converged after {} iterations: raise --max-iter, or continue with the result as --init",
        last_.iteration));
  else if (!converged && !goes_on && options_.tol > 0.0)
    warning("components collapse again and again: use fewer, or a larger --reg-covar");
  event("restart_end", {{"restart", restart}, {"converged", converged}, {"log_likelihood", log_likelihood}});
}

}  // namespace gmmpi::app
