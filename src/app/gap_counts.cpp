// GapCounts: one pass over a table, in bounded memory.
#include "app/gap_counts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

namespace gmmpi::app {

namespace {

constexpr Index kPieceValues = Index{1} << 18;
constexpr std::size_t kMostBytes = std::size_t{32} << 20;  ///< of patterns
constexpr std::size_t kMostShown = 8;
constexpr int kMostNames = 12;

struct Seen {
  Index rows = 0, first = 0;
};

/// Numbers or names of columns, not too many.
std::string list_text(const std::vector<int>& columns, const std::vector<std::string>& names) {
  if (columns.empty()) return "none";
  std::vector<std::string> words;
  for (const int j : columns) {
    if (std::ssize(words) == kMostNames) {
      words.push_back(fmt::format("... ({} in all)", columns.size()));
      break;
    }
    words.push_back(names.empty() ? std::to_string(j) : names[j]);
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

GapCounts count_gaps(DataReader& rows) {
  const Index d = rows.n_columns(), n = rows.n_rows(), together = rows.storage().rows_together;
  const Index piece = (std::max<Index>(kPieceValues / d, 1) / together + 1) * together;
  std::vector<int> columns = rows.usual_columns();
  if (columns.empty()) {
    columns.resize(d);
    std::iota(columns.begin(), columns.end(), 0);
  } else {
    rows.look_at(columns);
  }
  GapCounts counts;
  counts.n_rows = n;
  counts.n_values = n * std::ssize(columns);
  counts.by_column.resize(d);
  std::unordered_map<std::string, Seen> seen;
  const std::size_t most = kMostBytes / (static_cast<std::size_t>(d) / 8 + 96);
  std::vector<double> values(static_cast<std::size_t>(std::min(piece, n) * d));
  rows.begin_streaming();
  std::string key;
  for (Index first = 0; first < n; first += piece) {
    const Index count = std::min(piece, n - first);
    rows.read(first, count, values.data());
    for (Index r = 0; r < count; ++r) {
      key.assign((d + 7) / 8, '\0');
      Index missing = 0;
      for (const int j : columns)
        if (std::isnan(values[r * d + j])) {
          key[j / 8] = static_cast<char>(key[j / 8] | 1 << j % 8);
          ++counts.by_column[j];
          ++missing;
        }
      counts.n_missing += missing;
      counts.n_incomplete += missing > 0;
      counts.n_empty += missing == std::ssize(columns);
      if (seen.size() < most)
        ++seen.try_emplace(key, Seen{0, first + r}).first->second.rows;
      else if (const auto known = seen.find(key); known != seen.end())
        ++known->second.rows;
      else
        counts.all_patterns = false;
    }
  }
  std::vector<std::pair<std::string, Seen>> sorted(seen.begin(), seen.end());
  std::ranges::sort(sorted, [](const auto& a, const auto& b) {
    return std::pair(-a.second.rows, a.second.first) < std::pair(-b.second.rows, b.second.first);
  });
  counts.n_patterns = std::ssize(sorted);
  sorted.resize(std::min(sorted.size(), kMostShown));
  for (const auto& [pattern, one] : sorted) {
    std::vector<int>& missing = counts.patterns.emplace_back(one.rows, std::vector<int>()).second;
    for (int j = 0; j < d; ++j)
      if ((pattern[j / 8] >> (j % 8) & 1) != 0) missing.push_back(j);
  }
  return counts;
}

nlohmann::ordered_json GapCounts::json() const {
  nlohmann::ordered_json out{{"n_missing", n_missing},
                             {"n_incomplete", n_incomplete},
                             {"n_empty", n_empty},
                             {"by_column", by_column},
                             {"n_patterns", n_patterns}};
  if (!all_patterns) out["all_patterns"] = false;
  out["patterns"] = nlohmann::ordered_json::array();
  for (const auto& [n_of_it, columns] : patterns)
    out["patterns"].push_back({{"n_rows", n_of_it}, {"missing", columns}});
  return out;
}

std::string GapCounts::text(const std::vector<std::string>& names) const {
  if (!any()) return "";
  std::string out =
      fmt::format("missing: {} values ({:.3g}%), in {} of {} rows{}\n", n_missing,
                  100.0 * static_cast<double>(n_missing) / static_cast<double>(n_values), n_incomplete,
                  n_rows, n_empty > 0 ? fmt::format("; {} of them have no value", n_empty) : "");
  std::vector<int> columns;
  for (std::size_t j = 0; j < by_column.size(); ++j)
    if (by_column[j] > 0) columns.push_back(static_cast<int>(j));
  std::ranges::stable_sort(columns, [&](int a, int b) { return by_column[a] > by_column[b]; });
  std::vector<std::string> words;
  for (const int j : columns) {
    if (std::ssize(words) == kMostNames) {
      words.push_back(fmt::format("... ({} columns in all)", columns.size()));
      break;
    }
    words.push_back(
        fmt::format("{} {}", names.empty() ? fmt::format("column {}:", j) : names[j], by_column[j]));
  }
  out += fmt::format("    {}\n      rows  lack\n", fmt::join(words, ", "));
  for (const auto& [n_of_it, missing] : patterns)
    out += fmt::format("{:10}  {}\n", n_of_it, list_text(missing, names));
  if (n_patterns > std::ssize(patterns))
    out += fmt::format("    ... {}{} patterns in all\n", all_patterns ? "" : "more than ", n_patterns);
  return out;
}

}  // namespace gmmpi::app
