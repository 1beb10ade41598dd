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

Pattern BlockPatterns::make_pattern(const std::uint64_t* bits) const {
  Pattern pattern;
  for (int j = 0; j < n_columns_; ++j)
    ((bits[j / kWordBits] >> (j % kWordBits) & 1) != 0 ? pattern.missing : pattern.observed).push_back(j);
  for (int w = 0; w < n_words_; ++w)
    for (int shift = 0; shift < kWordBits; shift += 8)
      pattern.key += static_cast<char>(bits[w] >> shift & 0xff);
  return pattern;
}

int BlockPatterns::pattern_of(const std::uint64_t* bits) {
  std::size_t slot = hash_of(bits, n_words_) & (slots_.size() - 1);
  for (;; slot = (slot + 1) & (slots_.size() - 1)) {
    const int pattern = slots_[slot];
    if (pattern < 0) break;
    if (std::equal(bits, bits + n_words_, bits_.data() + std::size_t(pattern) * n_words_)) return pattern;
  }
  slots_[slot] = static_cast<int>(n_rows_.size());
  bits_.insert(bits_.end(), bits, bits + n_words_);
  n_rows_.push_back(0);
  return slots_[slot];
}

template <class T>
void BlockPatterns::find_patterns(const T* rows, const Block& block) {
  std::vector<std::uint64_t> bits(n_words_);
  for (int r = 0; r < block.n_rows; ++r, rows += n_columns_) {
    pattern_of_row_[r] = -1;
    if (block.weights && block.weights[r] == 0.0) continue;
    for (int w = 0; w < n_words_; ++w) {
      const T* x = rows + w * kWordBits;
      const int n = std::min(kWordBits, n_columns_ - w * kWordBits);
      std::uint64_t word = 0;
      for (int j = 0; j < n; ++j) word |= static_cast<std::uint64_t>(std::isnan(x[j])) << j;
      bits[w] = word;
    }
    pattern_of_row_[r] = pattern_of(bits.data());
    ++n_rows_[pattern_of_row_[r]];
  }
}

/// Room for the rows of patterns that are not rare.
void BlockPatterns::begin_groups(int least) {
  n_groups_ = 0;
  place_.assign(n_rows_.size(), -1);
  for (std::size_t p = 0; p < n_rows_.size(); ++p) {
    if (n_rows_[p] < least) continue;
    place_[p] = n_groups_++;
    if (n_groups_ > std::ssize(groups_)) groups_.emplace_back();
    Rows& group = groups_[place_[p]];
    group.pattern = make_pattern(bits_.data() + p * n_words_);
    group.values.resize(n_rows_[p] * group.pattern.observed.size());
    group.weights.resize(n_rows_[p]);
    group.numbers.resize(n_rows_[p]);
  }
}

template <class T>
void BlockPatterns::copy_rows(const T* rows, const Block& block) {
  std::vector<int> next(n_groups_);
  for (int r = 0; r < block.n_rows; ++r, rows += n_columns_) {
    const int place = pattern_of_row_[r] < 0 ? -1 : place_[pattern_of_row_[r]];
    if (place < 0) continue;
    Rows& group = groups_[place];
    const int to = next[place]++;
    double* values = group.values.data() + Index{to} * std::ssize(group.pattern.observed);
    for (const int j : group.pattern.observed) *values++ = static_cast<double>(rows[j]);
    group.weights[to] = block.weights ? block.weights[r] : 1.0;
    group.numbers[to] = block.number(r);
  }
}

template <class T>
void BlockPatterns::copy_rare_rows(const T* rows, const Block& block) {
  std::vector<int> rare;
  for (int r = 0; r < block.n_rows; ++r)
    if (pattern_of_row_[r] >= 0 && place_[pattern_of_row_[r]] < 0) rare.push_back(r);
  const auto bits = [&](int r) {
    return std::span(bits_).subspan(std::size_t(pattern_of_row_[r]) * n_words_, n_words_);
  };
  std::ranges::stable_sort(
      rare, [&](int a, int b) { return std::ranges::lexicographical_compare(bits(a), bits(b)); });
  rare_values_.values.clear();
  rare_values_.weights.clear();
  rare_values_.numbers.clear();
  for (const int r : rare) {
    rare_values_.values.insert(rare_values_.values.end(), rows + Index{r} * n_columns_,
                               rows + Index{r + 1} * n_columns_);
    rare_values_.weights.push_back(block.weights ? block.weights[r] : 1.0);
    rare_values_.numbers.push_back(block.number(r));
  }
}

Block BlockPatterns::Rows::block(const Block& from) const {
  Block block;
  block.index = from.index;
  block.first_row = from.first_row;
  block.n_rows = static_cast<int>(weights.size());
  block.rows = static_cast<const double*>(values.data());
  block.weights = weights.data();
  block.numbers = numbers.data();
  return block;
}

std::span<const PatternRows> BlockPatterns::split(const Block& block, int least) {
  bits_.clear();
  n_rows_.clear();
  rows_.clear();
  slots_.assign(std::bit_ceil(2 * static_cast<std::size_t>(block.n_rows)), -1);
  pattern_of_row_.resize(block.n_rows);
  std::visit(
      [&](const auto* rows) {
        find_patterns(rows, block);
        begin_groups(least);
        copy_rows(rows, block);
        copy_rare_rows(rows, block);
      },
      block.rows);
  for (int g = 0; g < n_groups_; ++g) rows_.push_back({&groups_[g].pattern, groups_[g].block(block)});
  rare_ = rare_values_.block(block);
  return rows_;
}

std::vector<double> without_gaps(std::vector<double> row, const DataSummary& summary) {
  GMMPI_EXPECT(!summary.has_gaps() || row.size() == summary.gaps.mean.size());
  for (std::size_t j = 0; j < row.size() && summary.has_gaps(); ++j)
    if (std::isnan(row[j])) row[j] = summary.gaps.mean[j];
  return row;
}

}  // namespace gmmpi
