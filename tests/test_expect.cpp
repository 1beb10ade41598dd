// GMMPI_EXPECT: fires in builds with assertions, is not evaluated in others.
#include "gmmpi/expect.hpp"

#include <catch2/catch.hpp>

#include "parallel/exact_sum.hpp"
#include "parallel/thread_loop.hpp"

using namespace gmmpi;
using Catch::Contains;

TEST_CASE("expect: a condition that does not hold is named with its place, where assertions are on") {
  bool evaluated = false;
  const auto look = [&](int n) { GMMPI_EXPECT((evaluated = true) && n > 0); };
  CHECK_NOTHROW(look(1));
  CHECK(evaluated == kAssertions);
  if (kAssertions)
    CHECK_THROWS_WITH(look(0), Contains("tests/test_expect.cpp:") && Contains("does not hold: (evaluated"));
  else
    CHECK_NOTHROW(look(0));
}

TEST_CASE("expect: assertions are on in builds that are not optimised for use") {
#ifdef __OPTIMIZE__
  SUCCEED("optimised builds have them where they are asked for");
#else
  CHECK(kAssertions);
#endif
}

TEST_CASE("expect: what a boundary was promised is looked at there") {
  if (!kAssertions) return;
  const std::vector<double> bounds{1.0, 8.0}, too_large{2.0}, fine{1.0, 7.5};
  ExactArray sums(bounds);
  CHECK_NOTHROW(sums.add(fine));
  CHECK_THROWS_WITH(sums.add(fine, 1), Contains("parallel/exact_sum.cpp:") && Contains("terms.size()"));
  CHECK_THROWS_AS(ExactArray(std::vector<double>{-1.0}), std::logic_error);
  // Out of a thread as well.
  CHECK_THROWS_WITH(for_each_index(0, 4, 2, [&](std::int64_t, int) { sums.add(fine, 1); }),
                    Contains("exact_sum.cpp:"));
}
