// The thread loop: every index once, and the exception of the lowest index.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "parallel/thread_loop.hpp"

TEST_CASE("for_each_index: every index is worked on exactly once", "[serial]") {
  for (const int n_threads : {1, 2, 3, 8}) {
    std::vector<std::atomic<int>> count(1000);
    std::atomic<int> strange_threads = 0;
    gmmpi::for_each_index(17, 1000, n_threads, [&](std::int64_t i, int thread) {
      ++count[i];
      if (thread < 0 || thread >= n_threads) ++strange_threads;
    });
    CHECK(strange_threads == 0);
    bool once = true;
    for (int i = 0; i < 1000; ++i) once = once && count[i] == (i >= 17 ? 1 : 0);
    CHECK(once);
  }
}

TEST_CASE("for_each_index: each thread begins with its own share, and does others' when it is done",
          "[serial]") {
  std::atomic<int> begun = 0;
  std::vector<std::int64_t> first_of(3, -1);
  std::atomic<int> n_done = 0;
  gmmpi::for_each_index(10, 40, 3, [&](std::int64_t i, int thread) {
    if (first_of[thread] < 0) {
      first_of[thread] = i;
      for (++begun; begun < 3;) std::this_thread::yield();
    }
    // The third thread's first index takes until the others have done all else, its share included.
    for (int i = 0; thread == 2 && n_done < 29 && i < 60'000; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (thread == 2) CHECK(n_done == 29);
    ++n_done;
  });
  CHECK(first_of == std::vector<std::int64_t>{10, 20, 30});
}

TEST_CASE("for_each_index: no index, no call", "[serial]") {
  int calls = 0;
  gmmpi::for_each_index(5, 5, 3, [&](std::int64_t, int) { ++calls; });
  CHECK(calls == 0);
}

TEST_CASE("for_each_index: of several exceptions the lowest index's is thrown, the rest of the work done",
          "[serial]") {
  for (const int n_threads : {1, 2, 3}) {
    std::atomic<int> calls = 0;
    const auto run = [&] {
      gmmpi::for_each_index(0, 200, n_threads, [&](std::int64_t i, int) {
        ++calls;
        if (i == 31 || i == 150 || i == 199) throw std::runtime_error(std::to_string(i));
      });
    };
    CHECK_THROWS_WITH(run(), "31");
    CHECK(calls == 200);
  }
}

TEST_CASE("thread counts: at least one processor and one thread", "[serial]") {
  CHECK(gmmpi::available_processors() >= 1);
  CHECK(gmmpi::default_threads() >= 1);
}
