// Where the time of a computation goes, per rank.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace gmmpi {

/// Seconds per phase, summed over sweeps. Work of threads counts as its mean over the rank's threads, so the
/// phases add up to wall time. Filled by starts, sweeps and M-steps; read it when they are done.
class Profile {
 public:
  enum Phase : std::size_t {
    start,         ///< seeds and k-means
    e_step,        ///< loading tiles, densities, responsibilities
    accumulation,  ///< moments of blocks
    exact_sums,    ///< blocks' moments into exact sums
    idle,          ///< threads without a block while others work; reading, where data are streamed
    reduction,     ///< the allreduce, waiting for slower ranks included
    m_step,        ///< parameters and their factors
    n_phases
  };
  using Seconds = std::array<double, n_phases>;

  void add(Phase phase, double seconds) { seconds_[phase] += seconds; }
  const Seconds& seconds() const { return seconds_; }

 private:
  Seconds seconds_{};
};

/// Seconds since it was made or since the last lap.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace gmmpi
