// The run of a selection: all its fits, by all ranks together or by groups of them, and the choice.
#pragma once

#include <map>
#include <set>

#include "app/checkpointing.hpp"
#include "app/rank_groups.hpp"
#include "gmmpi/inference/select.hpp"
#include "parallel/task_queue.hpp"

namespace gmmpi::app {

/// Lets other groups be answered, and says now and then how the fit in hand goes.
class SelectProgress final : public FitObserver {
 public:
  SelectProgress(RunLog& log, StopRequest& stop) : log_(log), stop_(stop) {}

  /// `offset` is added to log-likelihoods that are shown.
  void begin_part(const std::string& part, double offset);
  /// From now on, until null is given, other groups are at work, too.
  void attend(TaskQueue* queue) { queue_ = queue; }
  void safe_point(const FitState& state) override;
  void iteration(const Iteration& it) override;
  void reseeded(const Reseed& r) override;

 private:
  RunLog& log_;
  StopRequest& stop_;
  TaskQueue* queue_ = nullptr;
  std::string part_;
  double offset_ = 0.0;
  double said_ = 0.0;
};

/// Fits and chooses. With several groups each takes one fit after the other and leaves the result in that
/// fit's own checkpoint, in two rounds: those from own starts, and, a number of components at a time, those
/// from shared ones. Then the first group selects as it would alone, and finds all fits done.
class SelectRun {
 public:
  /// `world`: all ranks; `groups`: made of them; `data`: all rows, distributed over this rank's group.
  SelectRun(const Execution& world, const RankGroups& groups, const SelectOptions& wanted, const Data& data,
            Checkpointing& checkpoints, StopRequest& stop, RunLog& log);

  /// Collective over all ranks. Error 75 says that what is done is kept. What is chosen is known to the first
  /// group alone, which `write` is called on.
  void run(const std::function<void(Selection)>& write);
  /// The names under which this run has found or left checkpoints.
  const std::set<std::string>& parts() const { return parts_; }

 private:
  /// Something that one group does at a time.
  struct Task {
    std::string name;  ///< for the log
    std::function<void()> run;
    std::vector<std::size_t> candidates;  ///< that it is a part of
  };
  FitResult fit_part(const std::string& part, const Data& data, const FitOptions& f);
  void fit_in_groups();
  void do_in_groups(const std::vector<Task>& tasks);
  void take_tasks(TaskQueue& queue, const std::vector<Task>& tasks);
  void share_failures();
  void finished(const Candidate& c);
  Selection choose();
  Error stopped(const Error& e) const;

  std::vector<Task> own_fits();
  std::vector<Task> shared_fits();

  const Execution& world_;
  const RankGroups& groups_;
  Execution execution_;  ///< of the group
  const SelectOptions& wanted_;
  const Data& data_;
  Checkpointing& checkpoints_;
  RunLog& log_;
  SelectProgress progress_;
  const FitPart fit_part_;
  std::set<std::string> parts_;
  std::map<std::string, Error> failed_;  ///< fits that could not be done
  std::size_t n_finished_ = 0;           ///< candidates
  std::vector<std::size_t> left_;        ///< of each candidate, tasks that are not done
  std::string stopped_where_;
};

}  // namespace gmmpi::app
