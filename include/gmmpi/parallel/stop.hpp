// A request to stop early: by a signal or because time runs out.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

namespace gmmpi {

/// Asked between blocks by every thread; never changes what is computed, only whether it is finished. A rank
/// that sees it throws Error 75, which all ranks then throw together.
class StopRequest {
 public:
  using Clock = std::chrono::steady_clock;

  /// Async-signal-safe. Returns the number of requests so far.
  int request(int signal_number) {
    signal_.store(signal_number, std::memory_order_relaxed);
    return count_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  /// Stop when this time has come.
  void set_deadline(Clock::time_point deadline, std::string reason) {
    deadline_ = deadline;
    deadline_reason_ = std::move(reason);
  }

  bool requested() const { return signalled() || Clock::now() >= deadline_; }
  bool signalled() const { return count_.load(std::memory_order_relaxed) > 0; }
  /// "signal SIGTERM", "--time-limit 3.9h"
  std::string reason() const;

 private:
  std::atomic<int> count_{0}, signal_{0};
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string deadline_reason_;
};

}  // namespace gmmpi
