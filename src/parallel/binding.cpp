// binding_text: the affinity mask (sched_getaffinity) as ranges.
#include "parallel/binding.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <array>

namespace gmmpi {

std::string binding_text() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::string text = std::string(host.data()) + ": processors ";
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return text + "unknown";
  bool first = true;
  for (int p = 0; p < CPU_SETSIZE; ++p) {
    if (!CPU_ISSET(p, &set)) continue;
    int last = p;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set)) ++last;
    if (!first) text += ',';
    text += last > p ? fmt::format("{}-{}", p, last) : fmt::format("{}", p);
    first = false;
    p = last;
  }
  return text;
}

}  // namespace gmmpi
