// The log of a fit: readable lines on standard error, JSON lines in a file.
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// Only rank 0 writes. Lines of iterations are limited in rate: all of the first ten, then one when a
/// fiftieth of the time so far has passed (at least a second, at most ten minutes), and the last. On a
/// terminal, and without mpirun, which hides it, they are one line that is written anew.
class RunLog final : public FitObserver {
 public:
  RunLog(const Communicator& comm, const FitOptions& options);
  ~RunLog() override;  ///< what follows begins on a line of its own

  /// Collective. From now on events are appended to this file, too. Errors 73, 77.
  void open_json(const Communicator& comm, const std::string& path);

  /// A line for people.
  void line(const std::string& text);
  void warning(const std::string& text);
  /// One JSON object; `event` and the time are added.
  void event(const std::string& name, nlohmann::json fields);

  /// Added to every log-likelihood that is shown from now on: what makes it that of the rows before a
  /// transform.
  void add_to_log_likelihoods(double offset) { offset_ = offset; }

  void safe_point(const FitState& state) override;
  void restart_begins(int restart) override;
  void started(const std::string& how) override;
  void iteration(const Iteration& fitted) override;
  void reseeded(const Reseed& reseed) override;
  void recentred(int restart, int iteration) override;
  void rejected(int restart, int iteration, double log_likelihood) override;
  void restart_ended(int restart, bool converged, double log_likelihood) override;

  double seconds() const;

 private:
  void print(const Iteration& it);
  bool due() const;
  /// Of this restart, as far as can be guessed; 0 where nothing can be, or nothing is left.
  double iterations_left() const;
  std::string time_left() const;
  /// How many of the last iterations both are judged by.
  std::size_t window() const;

  bool root_;
  bool live_;             ///< iterations are one line of a terminal
  bool in_line_ = false;  ///< the cursor is behind it
  const FitOptions& options_;
  double offset_ = 0.0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> json_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double last_printed_ = -1.0;
  /// What an iteration of this restart has changed, and the seconds that it and those before it have taken.
  struct Step {
    double change, seconds;
  };
  std::vector<Step> path_;
  Iteration last_{};
  bool last_was_printed_ = true;
  int n_reseeds_ = 0;
};

}  // namespace gmmpi::app
