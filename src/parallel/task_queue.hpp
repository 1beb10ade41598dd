// Tasks that groups of ranks take one by one, each group the next as soon as it is free.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "gmmpi/parallel/communicator.hpp"
#include "gmmpi/parallel/stop.hpp"

namespace gmmpi {

/// Which group does a task depends on who is free first, so its result must not depend on that. Rank 0 of all
/// hands the tasks out, in order, between passes of its own work; the first rank of each other group asks it
/// by a note.
class TaskQueue {
 public:
  /// Collective over `world`: all ranks, without a watchdog, since groups wait for each other. `group`: this
  /// rank's part of them, made by `world.split`. Rank 0 calls `done` for each task that is done, and looks at
  /// `stop` (may be null) while it only waits.
  TaskQueue(const Communicator& world, const Communicator& group, int n_tasks,
            std::function<void(int task)> done, const StopRequest* stop);

  /// Collective over the group. The task before is done. The next one, or nothing if none is left or a group
  /// has given up; in the first group it then waits until all others have been told so.
  std::optional<int> next() { return ask(kFree); }
  /// Collective over the group, after a failure: this group takes no more, and the others are told to stop.
  void give_up() { ask(kGaveUp); }
  /// Local, often while a task is worked on: rank 0 answers those who wait. True if another group has given
  /// up, so that the task need not be finished.
  bool look();
  /// After next() or give_up(): whether another group has given up before this one did.
  bool stopped_by_others() const { return stopped_ && !gave_up_first_; }

 private:
  static constexpr std::int64_t kFree = 0, kGaveUp = 1;  ///< to rank 0
  static constexpr std::int64_t kNone = -1, kStop = -2;  ///< from rank 0, besides tasks

  std::optional<int> ask(std::int64_t what);
  std::int64_t answer_to(int rank, std::int64_t what);
  std::int64_t answer_of_root(std::int64_t what);
  void stop_all(int because_of);

  const Communicator& world_;
  const Communicator& group_;
  const int n_tasks_;
  const std::function<void(int)> done_;
  const StopRequest* const stop_;
  bool stopped_ = false, gave_up_first_ = false;
  // Of rank 0:
  int next_ = 0;
  std::vector<std::int64_t> task_of_rank_;  ///< of first ranks; kNone: no task
  std::vector<int> others_;                 ///< first ranks of other groups that have not been told kNone
};

}  // namespace gmmpi
