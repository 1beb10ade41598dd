// The rows of a block by what they lack: rows of one pattern are a block of fewer columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Which columns of a row are there; each in ascending order, together all of them.
struct Pattern {
  std::vector<int> observed, missing;
  std::string key;  ///< tells it from others of as many columns

  bool is_complete() const { return missing.empty(); }
};

/// Rows of one pattern and block from which on they are worth a marginal of their own; fewer are taken one by
/// one, where that can be.
inline constexpr int kLeastTogether = 8;

/// Rows of a block that have the same pattern.
struct PatternRows {
  const Pattern* pattern;
  Block rows;  ///< their observed columns, as doubles, with weights and numbers
};

/// One thread's view of block after block. What it hands out is its own, up to the next split.
class BlockPatterns {
 public:
  explicit BlockPatterns(int n_columns);
  /// The rows of positive weight of `block` by patterns that at least `least` of them have, in the order of
  /// their first row each, and inside in that of rows: it depends on the block alone.
  std::span<const PatternRows> split(const Block& block, int least = 1);
  /// The others, with all columns, rows of similar patterns one after the other; of no rows if there are
  /// none.
  const Block& rare_rows() const { return rare_; }

 private:
  struct Rows {
    Pattern pattern;
    std::vector<double> values, weights;
    std::vector<Index> numbers;
    Block block(const Block& from) const;
  };
  template <class T>
  void find_patterns(const T* rows, const Block& block);
  template <class T>
  void copy_rows(const T* rows, const Block& block);
  template <class T>
  void copy_rare_rows(const T* rows, const Block& block);
  int pattern_of(const std::uint64_t* bits);
  void begin_groups(int least);
  Pattern make_pattern(const std::uint64_t* bits) const;

  int n_columns_, n_words_;
  // Of the block's patterns:
  std::vector<std::uint64_t> bits_;  ///< n_words_ of each: set where a column is missing
  std::vector<int> n_rows_;
  std::vector<int> place_;           ///< of its group; -1: rare
  std::vector<int> slots_;           ///< a hash table of them; -1: empty
  std::vector<int> pattern_of_row_;  ///< -1: weight zero
  std::vector<Rows> groups_;         ///< those from n_groups_ on are spare
  int n_groups_ = 0;
  Rows rare_values_;
  Block rare_;
  std::vector<PatternRows> rows_;
};

/// A row with column means in its gaps, as a centre of starts and reseeds.
std::vector<double> without_gaps(std::vector<double> row, const DataSummary& summary);

}  // namespace gmmpi
