// TaskQueue: asking, answering, giving up.
#include "parallel/task_queue.hpp"

#include <chrono>
#include <thread>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

void pause() {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace

TaskQueue::TaskQueue(const Communicator& world, const Communicator& group, int n_tasks,
                     std::function<void(int task)> done, const StopRequest* stop)
    : world_(world),
      group_(group),
      n_tasks_(n_tasks),
      done_(std::move(done)),
      stop_(stop),
      task_of_rank_(world.size(), kNone) {
  GMMPI_EXPECT(n_tasks >= 0 && group.size() <= world.size());
  const std::int64_t mine = group.is_root();
  const std::vector<std::int64_t> is_first = world.all_gather(std::span(&mine, 1));
  for (int rank = 1; rank < world.size(); ++rank)
    if (is_first[rank]) others_.push_back(rank);
}

void TaskQueue::stop_all(int because_of) {
  if (stopped_) return;
  stopped_ = true;
  for (const int rank : others_)
    if (rank != because_of) world_.post(rank, kStop);
}

std::int64_t TaskQueue::answer_to(int rank, std::int64_t what) {
  GMMPI_EXPECT(rank >= 0 && rank < world_.size() && (what == kFree || what == kGaveUp));
  std::int64_t& task = task_of_rank_[rank];
  if (what == kGaveUp)
    stop_all(rank);
  else if (task != kNone)
    done_(static_cast<int>(task));
  const bool any_left = !stopped_ && next_ < n_tasks_;
  if (!any_left) std::erase(others_, rank);
  return task = any_left ? next_++ : kNone;
}

bool TaskQueue::look() {
  while (const auto note = world_.collect()) {
    if (world_.is_root())
      world_.post(note->from, answer_to(note->from, note->value));
    else
      stopped_ = true;  // while a task is worked on nothing else comes
  }
  return stopped_by_others();
}

std::int64_t TaskQueue::answer_of_root(std::int64_t what) {
  gave_up_first_ = what == kGaveUp && !stopped_;
  const std::int64_t task = answer_to(0, what);
  if (task != kNone) return task;
  for (; !others_.empty(); pause()) {
    look();
    if (stop_ && stop_->requested()) stop_all(0);
  }
  return kNone;
}

std::optional<int> TaskQueue::ask(std::int64_t what) {
  std::int64_t answer[2] = {kNone, 0};
  if (world_.is_root()) {
    answer[0] = answer_of_root(what);
  } else if (group_.is_root()) {
    world_.post(0, what);
    for (;; pause()) {
      const auto note = world_.collect();
      if (note && note->value != kStop) {
        answer[0] = note->value;
        break;
      }
      if (note) stopped_ = true;
    }
    gave_up_first_ = what == kGaveUp && !stopped_;
  }
  answer[1] = stopped_by_others();
  group_.broadcast(std::as_writable_bytes(std::span(answer)));
  if (!group_.is_root()) stopped_ = answer[1] != 0;
  if (answer[0] == kNone) return std::nullopt;
  return static_cast<int>(answer[0]);
}

}  // namespace gmmpi
