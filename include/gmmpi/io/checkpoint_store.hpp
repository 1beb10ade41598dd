// The files that hold checkpoints: generations, their lock, and what is left of killed runs.
#pragma once

#include <memory>
#include <optional>

#include "gmmpi/io/checkpoint.hpp"

namespace gmmpi {

class RunLock;

/// Another run has taken over what this one writes: it must end without writing anything more.
class LockLost : public Error {
 public:
  explicit LockLost(const std::string& message) : Error(ExitCode::cannot_create, message) {}
};

/// The generations PREFIX.ckpt.<n>.h5 and the lock PREFIX.ckpt.lock. Where a run has several fits, those of
/// each are PREFIX.ckpt.<part>.<n>.h5; several processes may then use it, each for its own parts. One thread
/// at a time.
/// Who is at work on the run that a checkpoint of this name (PREFIX.ckpt.<...>.h5) is of, by its lock:
/// "process 12 on node7"; empty if nobody seems to be.
std::string run_at_work(const std::string& checkpoint);

class CheckpointStore {
 public:
  static constexpr int kKept = 3;  ///< generations; one more while it is written

  /// Takes the lock: waits up to a minute for a dying predecessor. Error 73 where another run holds it; 73,
  /// 74 or 77 where it cannot be created.
  explicit CheckpointStore(std::string prefix);
  /// For another process of a run that has taken the lock; `lock_text` is that of the first.
  CheckpointStore(std::string prefix, std::string lock_text);
  ~CheckpointStore();
  std::string lock_text() const;

  /// From now on everything but the lock is of that part; "" is the run that has none.
  void set_part(const std::string& part);

  struct Loaded {
    FitState state;
    std::vector<std::byte> bytes;  ///< that hold it, for other ranks to decode
    std::string path;
    std::vector<std::string> warnings;  ///< about damaged newer generations
  };
  /// The newest sound generation, if there is any. Errors 76, with nothing deleted: all are damaged (it says
  /// what is wrong with each); CheckpointMismatch.
  std::optional<Loaded> load(const FitOptions& options, const DataSummary& data) const;

  /// Whether there is a generation, sound or not.
  bool has_any() const { return !generations().empty(); }

  /// Writes the next generation (temporary name, flush, read back, rename, flush of the directory), then
  /// removes all but the last three. Returns its path. Errors 73, 74, 77; LockLost.
  std::string write(std::span<const std::byte> bytes);
  /// LockLost if another run has taken over.
  void check_lock() const;
  /// Tells others that this run lives; call every few seconds.
  void refresh_lock() const;
  /// Renames all generations, so that no run finds them.
  void set_aside();
  /// Removes all generations.
  void remove_all();

 private:
  struct Generation {
    long number;
    std::string path;
  };
  std::vector<Generation> generations() const;  ///< newest first

  std::string prefix_, stem_;  ///< stem: of the generations' names
  std::unique_ptr<RunLock> lock_;
};

/// Removes temporary files that killed runs have left for outputs of that name, or of names that continue it
/// after a dot. Only for a run that holds the lock.
void remove_leftovers(const std::string& path);

}  // namespace gmmpi
