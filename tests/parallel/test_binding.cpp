// binding_text: the processors that this process may use, as ranges.
#include "parallel/binding.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <catch2/catch.hpp>

using namespace gmmpi;
using Catch::Matchers::EndsWith;

namespace {

/// Restores what the process may use.
struct Mask {
  cpu_set_t before;
  Mask() { ::sched_getaffinity(0, sizeof before, &before); }
  ~Mask() { ::sched_setaffinity(0, sizeof before, &before); }
};

}  // namespace

TEST_CASE("binding: a single processor is named by its number", "[serial]") {
  const Mask mask;
  for (int p = 0; p < CPU_SETSIZE; ++p) {
    if (!CPU_ISSET(p, &mask.before)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(p, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) continue;
    CHECK_THAT(gmmpi::binding_text(), EndsWith(": processors " + fmt::format("{}", p)));
  }
}

TEST_CASE("binding: neighbours are a range, gaps a comma", "[serial]") {
  const Mask mask;
  std::string expected;
  for (int p = 0; p < CPU_SETSIZE; ++p) {
    if (!CPU_ISSET(p, &mask.before)) continue;
    int last = p;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &mask.before)) ++last;
    if (!expected.empty()) expected += ',';
    expected += last > p ? fmt::format("{}-{}", p, last) : fmt::format("{}", p);
    p = last;
  }
  CHECK_THAT(binding_text(), EndsWith(": processors " + expected));
}
