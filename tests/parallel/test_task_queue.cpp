// TaskQueue: every task once, and what happens when a group gives up. Communicator::split, post and collect.
#include "parallel/task_queue.hpp"

#include <catch2/catch.hpp>

#include "support/world.hpp"

namespace {

using namespace gmmpi;

/// Which group of `count` this rank is in.
int group_of_rank(const Communicator& world, int count) {
  return world.rank() * count / world.size();
}

}  // namespace

TEST_CASE("Communicator: split makes groups of their own, in the order of the ranks", "[mpi]") {
  const Communicator& world = test_world();
  const int mine = world.rank() % 2;
  const Communicator group = world.split(mine);
  CHECK(group.size() == (world.size() + 1 - mine) / 2);
  CHECK(group.rank() == world.rank() / 2);
  std::vector<std::int64_t> sum{world.rank()};
  group.sum(sum);
  CHECK(sum[0] == group.size() * (group.size() - 1) + mine * group.size());
}

TEST_CASE("Communicator: notes of one rank come in their order", "[mpi]") {
  const Communicator& world = test_world();
  constexpr std::int64_t kNotes = 5;
  if (!world.is_root())
    for (std::int64_t i = 0; i < kNotes; ++i) world.post(0, 100 * world.rank() + i);
  if (world.is_root()) {
    std::vector<std::int64_t> next(world.size(), 0);
    for (std::int64_t left = kNotes * (world.size() - 1); left > 0;) {
      const auto note = world.collect();
      if (!note) continue;
      CHECK(note->value == 100 * note->from + next[note->from]++);
      --left;
    }
  }
  world.barrier();
  CHECK_FALSE(world.collect());
}

TEST_CASE("TaskQueue: every task is done once, by one whole group", "[mpi]") {
  const Communicator& world = test_world();
  for (int count = 1; count <= world.size(); ++count) {
    const Communicator group = world.split(group_of_rank(world, count));
    for (const int n_tasks : {0, 1, 20}) {
      std::vector<int> told;
      TaskQueue queue(
          world, group, n_tasks, [&](int task) { told.push_back(task); }, nullptr);
      std::vector<std::int64_t> done(n_tasks, 0);
      while (const auto task = queue.next()) {
        std::vector<std::int64_t> same{*task, -*task};
        group.max(same);
        CHECK(same == std::vector<std::int64_t>{*task, -*task});
        if (group.is_root()) ++done[*task];
        CHECK_FALSE(queue.look());
      }
      CHECK_FALSE(queue.stopped_by_others());
      world.sum(done);
      CHECK(done == std::vector<std::int64_t>(n_tasks, 1));
      std::ranges::sort(told);
      CHECK(std::ssize(told) == (world.is_root() ? n_tasks : 0));
      CHECK(std::ranges::adjacent_find(told) == told.end());
    }
  }
}

TEST_CASE("TaskQueue: when a group gives up the others stop, and one of them has the reason", "[mpi]") {
  const Communicator& world = test_world();
  const int count = std::min(world.size(), 3), mine = group_of_rank(world, count);
  const Communicator group = world.split(mine);
  for (int failing = 0; failing < count; ++failing) {
    INFO("group " << failing << " of " << count);
    TaskQueue queue(
        world, group, 1'000'000'000, [](int) {}, nullptr);
    while (queue.next()) {
      if (mine == failing) {
        queue.give_up();
        break;
      }
      std::int64_t stop = 0;  // a long task: none ends before it is stopped
      while (stop == 0) {
        stop = queue.look();
        group.max(std::span(&stop, 1));
      }
    }
    CHECK(queue.stopped_by_others() == (mine != failing));
    world.barrier();
  }
  TaskQueue queue(
      world, group, 1'000'000'000, [](int) {}, nullptr);
  while (queue.next()) {
    queue.give_up();  // all at once
    break;
  }
  std::vector<std::int64_t> first{group.is_root() && !queue.stopped_by_others()};
  world.sum(first);
  CHECK(first[0] == 1);
}

TEST_CASE("TaskQueue: a rank 0 that only waits hears a request to stop", "[mpi]") {
  const Communicator& world = test_world();
  if (world.size() == 1) return;
  const int mine = world.is_root() ? 0 : 1;
  const Communicator group = world.split(mine);
  StopRequest stop;
  stop.request(15);
  TaskQueue queue(
      world, group, 1, [](int) {}, &stop);
  const auto task = queue.next();
  if (mine == 1 && task) {
    std::int64_t stopped = 0;
    while (stopped == 0) {
      stopped = queue.look();
      group.max(std::span(&stopped, 1));
    }
    CHECK_FALSE(queue.next());
  } else if (task) {
    CHECK_FALSE(queue.next());
  }
}
