// The timing table.
#include "app/timing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace gmmpi::app {

void report_timing(const Communicator& comm, const Profile& profile, const WallTimes& wall, RunLog& log) {
  struct Row {
    const char* name;
    const char* field;
    double seconds;
  };
  const Profile::Seconds& s = profile.seconds();
  std::vector<Row> rows{{"read data", "read", wall.reading},
                        {"seeds, k-means", "start", s[Profile::start]},
                        {"E-step", "e_step", s[Profile::e_step]},
                        {"accumulation", "accumulation", s[Profile::accumulation]},
                        {"exact sums", "exact_sums", s[Profile::exact_sums]},
                        {"idle threads", "idle", s[Profile::idle]},
                        {"reduction", "reduction", s[Profile::reduction]},
                        {"M-step", "m_step", s[Profile::m_step]},
                        {"checkpoints", "checkpoints", wall.checkpoints}};
  const double known = std::accumulate(rows.begin(), rows.end(), 0.0,
                                       [](double sum, const Row& row) { return sum + row.seconds; });
  rows.push_back({"everything else", "other", std::max(0.0, wall.total - known)});
  rows.push_back({"total", "total", wall.total});

  const int n_ranks = comm.size();
  std::vector<double> mine;
  for (const Row& row : rows) mine.push_back(row.seconds);
  const std::vector<double> all = comm.all_gather(std::span<const double>(mine));
  log.line(n_ranks == 1 ? fmt::format("{:<16} {:>9}", "time", "seconds")
                        : fmt::format("{:<16} {:>9} {:>9} {:>9}   seconds, over {} ranks", "time", "least",
                                      "mean", "most", n_ranks));
  nlohmann::json fields;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double least = all[i], most = all[i], sum = 0.0;
    for (int rank = 0; rank < n_ranks; ++rank) {
      const double seconds = all[rank * rows.size() + i];
      least = std::min(least, seconds);
      most = std::max(most, seconds);
      sum += seconds;
    }
    fields[rows[i].field] = {{"min", least}, {"mean", sum / n_ranks}, {"max", most}};
    log.line(n_ranks == 1 ? fmt::format("  {:<14} {:>9.3f}", rows[i].name, most)
                          : fmt::format("  {:<14} {:>9.3f} {:>9.3f} {:>9.3f}", rows[i].name, least,
                                        sum / n_ranks, most));
  }
  log.event("timing", std::move(fields));
}

}  // namespace gmmpi::app
