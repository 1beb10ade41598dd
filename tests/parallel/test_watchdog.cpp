// The watchdog: collectives are what they are without it, and a rank that does not come is named.
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "gmmpi/parallel/communicator.hpp"
#include "support/world.hpp"

using namespace gmmpi;

namespace {

[[noreturn]] void lost(const std::string& who) {
  throw std::runtime_error(who);
}

}  // namespace

TEST_CASE("watchdog: collectives give the same, however late a rank is within its patience", "[mpi]") {
  const Communicator watched = test_world().with_watchdog(60.0, lost);
  if (watched.rank() == watched.size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::int64_t sum = watched.rank() + 1, n = watched.size();
  watched.sum(std::span(&sum, 1));
  CHECK(sum == n * (n + 1) / 2);
  double most = watched.rank();
  watched.max(std::span(&most, 1));
  CHECK(most == n - 1);
  std::string text = watched.is_root() ? "from rank 0" : "";
  watched.broadcast(text);
  CHECK(text == "from rank 0");
  const std::int64_t mine = watched.rank();
  CHECK(std::ssize(watched.all_gather(std::span(&mine, 1))) == n);
  watched.barrier();
}

// Ranks but the first wait for some seconds more, so that rank 0 can speak first: two ranks are enough.
TEST_CASE("watchdog: rank 0 names the rank that does not come, which finds that nobody answers", "[mpi]") {
  if (test_world().size() != 2) return;
  const Communicator watched = test_world().split(0).with_watchdog(0.2, lost);
  if (watched.rank() == 1) std::this_thread::sleep_for(std::chrono::seconds(1));
  CHECK_THROWS_WITH(watched.barrier(), watched.is_root() ? "rank 1" : "rank 0, or those it waits for,");
}
