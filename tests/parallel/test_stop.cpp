// StopRequest: by signal, by time, and why.
#include "gmmpi/parallel/stop.hpp"

#include <catch2/catch.hpp>
#include <csignal>

using namespace gmmpi;

TEST_CASE("StopRequest: nobody has asked", "[serial]") {
  const StopRequest stop;
  CHECK_FALSE(stop.requested());
  CHECK_FALSE(stop.signalled());
}

TEST_CASE("StopRequest: signals are counted and named", "[serial]") {
  StopRequest stop;
  CHECK(stop.request(SIGTERM) == 1);
  CHECK(stop.requested());
  CHECK(stop.reason() == "signal SIGTERM");
  CHECK(stop.request(SIGUSR1) == 2);
  CHECK(stop.reason() == "signal SIGUSR1");
  stop.request(100000);
  CHECK(stop.reason() == "signal SIG?");
}

TEST_CASE("StopRequest: a deadline that has come, and one that has not", "[serial]") {
  StopRequest stop;
  stop.set_deadline(StopRequest::Clock::now() + std::chrono::hours(1), "--time-limit 1h");
  CHECK_FALSE(stop.requested());
  stop.set_deadline(StopRequest::Clock::now() - std::chrono::seconds(1), "--time-limit 1s");
  CHECK(stop.requested());
  CHECK_FALSE(stop.signalled());
  CHECK(stop.reason() == "--time-limit 1s");
  stop.request(SIGINT);  // says more than the time
  CHECK(stop.reason() == "signal SIGINT");
}
