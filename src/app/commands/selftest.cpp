// gmmpi selftest: whether this build on this machine has the digests that every other has.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/say.hpp"
#include "app/selftest_cases.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"

namespace gmmpi::app {

namespace {

/// One way to run a case; all must give the same bits.
struct Way {
  std::string name;
  const KernelTable* kernels;
  int n_threads;
  bool streamed;
};

/// Each set of kernels; on one thread or all; from memory or streamed.
std::vector<Way> ways(const Execution& execution) {
  std::vector<Way> all;
  for (const std::string& name : available_kernels()) {
    const bool first = all.empty();
    all.push_back({name, &select_kernels(name), first ? 1 : execution.n_threads, false});
    if (first) all.push_back({name + ", streamed", all.front().kernels, execution.n_threads, true});
  }
  return all;
}

struct Found {
  std::string name, recorded;
  std::vector<std::string> digests;  ///< of each way

  bool agrees() const {
    return std::ranges::all_of(digests, [&](const std::string& digest) { return digest == recorded; });
  }
};

void print_table(const std::vector<Way>& all_ways, const std::vector<Found>& all) {
  say("{:32}", "fit");
  for (const Way& way : all_ways) say("{:>18}", way.name);
  say("\n");
  for (const Found& found : all) {
    say("{:32}", found.name);
    for (const std::string& digest : found.digests)
      say("{:>18}", digest == found.recorded ? "as recorded" : digest.substr(0, 16));
    say("\n");
  }
}

void print_json(const std::vector<Way>& all_ways, const std::vector<Found>& all, bool agrees) {
  nlohmann::ordered_json json{
      {"version", GMMPI_VERSION}, {"as_recorded", agrees}, {"fits", nlohmann::ordered_json::array()}};
  for (const Found& found : all) {
    nlohmann::ordered_json digests;
    for (std::size_t i = 0; i < all_ways.size(); ++i) digests[all_ways[i].name] = found.digests[i];
    json["fits"].push_back({{"name", found.name}, {"recorded", found.recorded}, {"found", digests}});
  }
  say("{}\n", json.dump(2));
}

}  // namespace

void selftest_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::vector<Way> all_ways = ways(execution);
  std::vector<Found> all;
  for (const SelfTestCase& test : selftest_cases()) {
    all.push_back({test.name, recorded_digest(test.name), {}});
    for (const Way& way : all_ways) {
      Execution of_way = execution;
      of_way.kernels = way.kernels;
      of_way.n_threads = way.n_threads;
      all.back().digests.push_back(digest_of_case(of_way, test, way.streamed));
    }
  }
  const auto n_agree = std::ranges::count_if(all, &Found::agrees);
  const bool agrees = n_agree == std::ssize(all);
  if (execution.comm.is_root()) {
    if (options.flag("json")) {
      print_json(all_ways, all, agrees);
    } else {
      print_table(all_ways, all);
      say("{} of {} fits have the recorded digests, each in {} ways, on {} of {}\n", n_agree, all.size(),
          all_ways.size(), count_text(execution.comm.size(), "rank"),
          count_text(execution.n_threads, "thread"));
      if (agrees) say("This build on this machine gives the bits of gmmpi {}.\n", GMMPI_VERSION);
    }
  }
  if (!agrees)
    throw Error(
        ExitCode::internal,
        "selftest: this build on this machine gives other bits than gmmpi " GMMPI_VERSION
        " should; build it without flags that change arithmetic (such as -ffast-math), and report it");
}

}  // namespace gmmpi::app
