// BlockPatterns: rows to groups by their missing columns.
#include "data/patterns.hpp"

#include <cmath>

#include "gmmpi/expect.hpp"

namespace gmmpi {

BlockPatterns::Group& BlockPatterns::group_of(const std::string& key) {
  const auto [place, is_new] = place_.try_emplace(key, n_groups_);
  if (!is_new) return groups_[place->second];
  if (n_groups_ == groups_.size()) groups_.emplace_back();
  Group& group = groups_[n_groups_++];
  group = {{{}, {}, key}, std::move(group.values), std::move(group.weights), std::move(group.numbers)};
  group.values.clear();
  group.weights.clear();
  group.numbers.clear();
  for (int j = 0; j < n_columns_; ++j)
    ((key[j / 8] >> (j % 8) & 1) != 0 ? group.pattern.missing : group.pattern.observed).push_back(j);
  return group;
}

template <class T>
void BlockPatterns::sort(const T* rows, const Block& block) {
  std::string key;
  for (int r = 0; r < block.n_rows; ++r, rows += n_columns_) {
    const double weight = block.weights ? block.weights[r] : 1.0;
    if (weight == 0.0) continue;
    key.assign((n_columns_ + 7) / 8, '\0');
    for (int j = 0; j < n_columns_; ++j)
      if (std::isnan(rows[j])) key[j / 8] = static_cast<char>(key[j / 8] | 1 << j % 8);
    Group& group = group_of(key);
    for (const int j : group.pattern.observed) group.values.push_back(static_cast<double>(rows[j]));
    group.weights.push_back(weight);
    group.numbers.push_back(block.number(r));
  }
}

std::span<const PatternRows> BlockPatterns::split(const Block& block) {
  n_groups_ = 0;
  place_.clear();
  rows_.clear();
  std::visit([&](const auto* rows) { sort(rows, block); }, block.rows);
  for (std::size_t g = 0; g < n_groups_; ++g) {
    const Group& group = groups_[g];
    Block of_group;
    of_group.index = block.index;
    of_group.first_row = block.first_row;
    of_group.n_rows = static_cast<int>(group.weights.size());
    of_group.rows = group.values.data();
    of_group.weights = group.weights.data();
    of_group.numbers = group.numbers.data();
    rows_.push_back({&group.pattern, of_group});
  }
  return rows_;
}

std::vector<double> without_gaps(std::vector<double> row, const DataSummary& summary) {
  GMMPI_EXPECT(!summary.has_gaps() || row.size() == summary.gaps.mean.size());
  for (std::size_t j = 0; j < row.size() && summary.has_gaps(); ++j)
    if (std::isnan(row[j])) row[j] = summary.gaps.mean[j];
  return row;
}

}  // namespace gmmpi
