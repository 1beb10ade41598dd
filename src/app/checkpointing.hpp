// When checkpoints are written: by interval, at a stop, and when a fit of several is done.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/options.hpp"
#include "app/run_log.hpp"
#include "gmmpi/io/checkpoint_store.hpp"

namespace gmmpi::app {

/// The first rank of `group` writes; the other ranks only take part in what is marked collective (over the
/// group). Where `world` has several groups, which fit different parts, the first of all holds the lock for
/// them. A thread of those that write writes the last safe point at once when a signal comes (mpirun may
/// leave no more than two seconds), and keeps the lock fresh.
class Checkpointing {
 public:
  /// Collective over the world. Takes the lock. Errors 64, 73, 74, 77.
  Checkpointing(const Communicator& world, const Communicator& group, const Options& options,
                StopRequest& stop, RunLog& log);
  ~Checkpointing();

  /// Collective over the world. Error 66 if --resume is must and none of these parts has a checkpoint.
  void check_any(const std::vector<std::string>& parts);
  /// Collective. Where to continue from, as --resume says. Error 66 (must, and there is none), 76.
  std::optional<FitState> load(const FitOptions& options, const DataSummary& data);
  /// Collective. Writes a first generation, so that problems with disk or rights show now; from here on safe
  /// points are taken. Errors 73, 74, 77.
  void start(const FitState& state);
  /// Local. Notes where the fit can be continued; writes if it is time. A failure is a warning, and tried
  /// again later.
  void safe_point(const FitState& state);
  /// Collective, after Error 75: writes the last safe point. Returns what to tell the user. Error 74.
  std::string stopped();
  /// Local, rank 0. Called before the output is put in place. LockLost.
  void confirm() const;
  /// Local. From here on only the first group works; what it finds are results of this very run, which it may
  /// load whatever --resume says.
  void end_of_groups();
  /// The fit is done: from here on no safe point is written any more, and others may use HDF5 again.
  void end_watch();
  /// Local. What follows is one of several fits of this run, with checkpoints of its own.
  void begin_part(const std::string& name);
  /// Collective. That fit is done: its result is kept, for `load`, until `finish`. Errors 73, 74, 77.
  void finish_part(const FitState& done);
  /// Local. That fit has failed for good: its checkpoints are removed.
  void drop_part();
  /// Collective. The output is in place: removes what is no longer needed, of these parts.
  void finish(const std::string& output, const std::vector<std::string>& parts = {""});
  /// Local. Whether rank 0 finds checkpoints of that fit (part): what a run has left that was killed after
  /// its output was in place. Damaged ones, and those of another fit, do not count.
  bool has_leftovers(const FitOptions& options, const DataSummary& data) const;
  /// The fit failed for good: removes its checkpoints, unless they hold finished restarts.
  void give_up();

  double seconds() const { return seconds_; }
  int n_written() const { return n_written_; }

 private:
  bool due() const;
  Error nothing_to_resume() const;
  void write_noted();  ///< under mutex_; throws
  void try_to_write();
  void watch();
  void release();

  const Communicator& world_;
  const Communicator& comm_;
  const Options& options_;
  StopRequest& stop_;
  RunLog& log_;
  const FitOptions* fit_options_ = nullptr;
  const DataSummary* data_ = nullptr;
  double every_seconds_ = 0.0;
  std::int64_t every_iterations_ = 0;
  bool writes_ = true;  ///< --checkpoint-every is not never
  bool must_ = false;   ///< --resume must, and nothing was found yet
  bool own_ = false;    ///< this run wrote all there is

  std::unique_ptr<CheckpointStore> store_;  ///< of those that write
  std::mutex mutex_;                        ///< of everything below
  std::shared_ptr<const FitState> noted_;
  bool noted_is_written_ = false;
  bool watching_ = true;     ///< the watching thread may write
  std::exception_ptr lost_;  ///< set when another run has taken over
  std::string last_path_;
  std::int64_t sweeps_since_ = 0;
  std::chrono::steady_clock::time_point last_time_{};
  double seconds_ = 0.0;
  int n_written_ = 0;
  std::mutex done_mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;  ///< the watching thread ends
  std::thread watcher_;
};

}  // namespace gmmpi::app
