// When checkpoints are written: by interval, at a stop, and when a fit of several is done.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/options.hpp"
#include "app/run_log.hpp"
#include "gmmpi/io/checkpoint_store.hpp"

namespace gmmpi::app {

class CheckpointedFit;

/// The checkpoints of a run, of one fit or of several (its parts). The first rank of `group` writes; the
/// other ranks only take part in what is marked collective (over the group). Where `world` has several
/// groups, which fit different parts, the first of all holds the lock for them. A thread of those that write
/// writes the last safe point at once when a signal comes (mpirun may leave no more than two seconds), and
/// keeps the lock fresh.
class Checkpointing {
 public:
  /// Collective over the world. Takes the lock. Errors 64, 73, 74, 77.
  Checkpointing(const Communicator& world, const Communicator& group, const Options& options,
                StopRequest& stop, RunLog& log);
  /// Removes what is no longer needed, if the output is in place.
  ~Checkpointing();

  /// Collective over the world. Error 66 if --resume is must and none of these parts has a checkpoint.
  void check_any(const std::vector<std::string>& parts);
  /// Local. From here on what is found are results of this very run, which may be loaded whatever --resume
  /// says.
  void end_of_round() { own_ = true; }
  /// Local. From here on only the first group works.
  void end_of_groups();
  /// Collective. The fits are done: no safe point is written any more. `write` puts the output in place, on
  /// the first rank, unless another run has taken over (LockLost); then the checkpoints of these parts may
  /// go.
  void put_output(const std::function<void()>& write, const std::vector<std::string>& parts = {""});
  /// Local. The output was there already. What a run has left of these parts that was killed after its output
  /// was in place may go, if the first of them has a sound checkpoint of that fit.
  void drop_leftovers(const FitOptions& options, const DataSummary& data,
                      const std::vector<std::string>& parts = {""});

  double seconds() const { return seconds_; }
  int n_written() const { return n_written_; }

 private:
  friend class CheckpointedFit;
  void begin_part(const std::string& part, const FitOptions& options, const DataSummary& data, bool derived);
  std::optional<FitState> load();
  std::optional<CheckpointStore::Loaded> load_or_set_aside(const std::string& how);
  void write_now(const FitState& state);
  void note(const FitState& state);
  std::string stopped();
  void give_up();
  bool due() const;
  Error nothing_to_resume() const;
  void write_noted();  ///< under mutex_; throws
  void try_to_write();
  void watch();
  void end_watch();
  void clean_up();
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
  bool writes_ = true;    ///< --checkpoint-every is not never
  bool must_ = false;     ///< --resume must, and nothing was found yet
  bool own_ = false;      ///< this run wrote all there is
  bool derived_ = false;  ///< the part is
  std::string output_;
  std::vector<std::string> done_with_;  ///< parts whose checkpoints may go
  bool output_is_there_ = false;

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

/// Error 75, with where the fit can be continued from.
class FitStopped : public Error {
 public:
  FitStopped(const Error& cause, const std::string& where)
      : Error(cause.code(), std::string(cause.what()) + ": " + where), cause_(cause), where_(where) {}
  const Error& cause() const { return cause_; }
  const std::string& where() const { return where_; }

 private:
  Error cause_;
  std::string where_;
};

/// One fit of a run: begun or gone on with where its checkpoints leave it, and, as its observer, kept at its
/// safe points. Options and data must outlive it.
class CheckpointedFit final : public FitObserver {
 public:
  /// Collective. Loads, as --resume says. Writes a first generation, so that problems with disk or rights
  /// show now. `part` is its name among several fits. Errors 66 (--resume must, and there is none), 73, 74,
  /// 76, 77. `derived`: it starts from what other parts have come to, so that a checkpoint of another fit is
  /// only out of date, and is replaced.
  CheckpointedFit(Checkpointing& run, const FitOptions& options, const DataSummary& data,
                  const std::string& part = "", bool derived = false);

  /// True if nothing but the result was left to load.
  bool is_done() const { return state_ && state_->restart >= options_.n_runs(); }
  /// Local. Notes where the fit can be continued; writes if it is time. A failure is a warning, and tried
  /// again later.
  void safe_point(const FitState& state) override;
  /// Collective. What `compute` returns, which is given where to go on (null: nowhere yet). The result of a
  /// part is kept, to be loaded, until the output is in place. Errors: FitStopped; what it throws, where
  /// checkpoints that nothing can come of are removed, unless they hold finished restarts; 73, 74, 77.
  FitResult run(const std::function<FitResult(const FitState* resume)>& compute);

 private:
  Checkpointing& run_;
  const FitOptions& options_;
  std::string part_;
  std::optional<FitState> state_;
};

}  // namespace gmmpi::app
