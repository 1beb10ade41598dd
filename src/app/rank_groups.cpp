// RankGroups: how many, and who is in which.
#include "app/rank_groups.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/support.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kNumbersPerThread = std::int64_t{1} << 18;

}  // namespace

int count_groups(const Options& options, const Communicator& world, int n_threads, std::int64_t n_numbers,
                 std::int64_t n_fits) {
  const bool keeps = options.text("checkpoint-every") != "never", watched = options.has("watchdog");
  std::int64_t count = 1;
  if (options.text("groups") == "auto") {
    const std::int64_t share = kNumbersPerThread * n_threads;
    if (keeps && !watched) count = world.size() / std::max<std::int64_t>((n_numbers + share - 1) / share, 1);
  } else {
    count = options.integer("groups", 1, INT32_MAX);
    const auto refuse = [&](const std::string& why) {
      throw Error(ExitCode::usage, fmt::format("--groups {}: {}", count, why));
    };
    if (count > world.size())
      refuse(fmt::format("there {} only {}: give at most as many groups, or auto",
                         world.size() == 1 ? "is" : "are", count_text(world.size(), "rank")));
    if (count > 1 && !keeps)
      refuse(
          "groups hand over what they have fitted as checkpoints: give --groups 1, or another "
          "--checkpoint-every than never");
    if (count > 1 && watched)
      refuse(
          "groups wait for each other longer than a watchdog does: give --groups 1, or leave --watchdog out");
  }
  return static_cast<int>(std::clamp<std::int64_t>(count, 1, n_fits));
}

RankGroups make_groups(const Communicator& world, int count) {
  if (count == 1) return {1, 0, world};
  const auto mine = static_cast<int>(std::int64_t{world.rank()} * count / world.size());
  return {count, mine, world.split(mine)};
}

}  // namespace gmmpi::app
