// BlockPatterns: rows to groups by their missing columns.
#include "data/patterns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr int kWordBits = 64;

std::size_t hash_of(const std::uint64_t* bits, int n_words) {
  std::uint64_t hash = 0;
  for (int w = 0; w < n_words; ++w) hash = (hash ^ bits[w]) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(hash >> 32);
}

}  // namespace

BlockPatterns::BlockPatterns(int n_columns)
    : n_columns_(n_columns), n_words_((n_columns + kWordBits - 1) / kWordBits) {}

/// A group for a pattern that the block has not had yet.
void BlockPatterns::begin_group(const std::uint64_t* bits) {
  if (n_groups_ == std::ssize(groups_)) groups_.emplace_back();
  Group& group = groups_[n_groups_++];
  bits_.insert(bits_.end(), bits, bits + n_words_);
  group.n_rows = 0;
  group.pattern = {};
  for (int j = 0; j < n_columns_; ++j)
    ((bits[j / kWordBits] >> (j % kWordBits) & 1) != 0 ? group.pattern.missing : group.pattern.observed)
        .push_back(j);
  for (int w = 0; w < n_words_; ++w)
    for (int shift = 0; shift < kWordBits; shift += 8)
      group.pattern.key += static_cast<char>(bits[w] >> shift & 0xff);
}

int BlockPatterns::group_of(const std::uint64_t* bits) {
  std::size_t slot = hash_of(bits, n_words_) & (slots_.size() - 1);
  for (;; slot = (slot + 1) & (slots_.size() - 1)) {
    const int group = slots_[slot];
    if (group < 0) break;
    if (std::equal(bits, bits + n_words_, bits_.data() + std::size_t(group) * n_words_)) return group;
  }
  slots_[slot] = n_groups_;
  begin_group(bits);
  return n_groups_ - 1;
}

template <class T>
void BlockPatterns::find_groups(const T* rows, const Block& block) {
  std::vector<std::uint64_t> bits(n_words_);
  for (int r = 0; r < block.n_rows; ++r, rows += n_columns_) {
    group_of_row_[r] = -1;
    if (block.weights && block.weights[r] == 0.0) continue;
    std::ranges::fill(bits, 0);
    for (int j = 0; j < n_columns_; ++j)
      bits[j / kWordBits] |= static_cast<std::uint64_t>(std::isnan(rows[j])) << j % kWordBits;
    const int group = group_of_row_[r] = group_of(bits.data());
    ++groups_[group].n_rows;
  }
}

template <class T>
void BlockPatterns::copy_rows(const T* rows, const Block& block) {
  std::vector<int> next(n_groups_);
  for (int r = 0; r < block.n_rows; ++r, rows += n_columns_) {
    if (group_of_row_[r] < 0) continue;
    Group& group = groups_[group_of_row_[r]];
    const int to = next[group_of_row_[r]]++;
    double* values = group.values.data() + Index{to} * std::ssize(group.pattern.observed);
    for (const int j : group.pattern.observed) *values++ = static_cast<double>(rows[j]);
    group.weights[to] = block.weights ? block.weights[r] : 1.0;
    group.numbers[to] = block.number(r);
  }
}

std::span<const PatternRows> BlockPatterns::split(const Block& block) {
  n_groups_ = 0;
  bits_.clear();
  rows_.clear();
  slots_.assign(std::bit_ceil(2 * static_cast<std::size_t>(block.n_rows)), -1);
  group_of_row_.resize(block.n_rows);
  std::visit([&](const auto* rows) { find_groups(rows, block); }, block.rows);
  for (int g = 0; g < n_groups_; ++g) {
    Group& group = groups_[g];
    group.values.resize(group.n_rows * group.pattern.observed.size());
    group.weights.resize(group.n_rows);
    group.numbers.resize(group.n_rows);
  }
  std::visit([&](const auto* rows) { copy_rows(rows, block); }, block.rows);
  for (int g = 0; g < n_groups_; ++g) {
    const Group& group = groups_[g];
    Block of_group;
    of_group.index = block.index;
    of_group.first_row = block.first_row;
    of_group.n_rows = group.n_rows;
    of_group.rows = static_cast<const double*>(group.values.data());
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
