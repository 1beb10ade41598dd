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

/// Rows of a block that have the same pattern.
struct PatternRows {
  const Pattern* pattern;
  Block rows;  ///< their observed columns, as doubles, with weights and numbers
};

/// One thread's view of block after block. What it hands out is its own, up to the next split.
class BlockPatterns {
 public:
  explicit BlockPatterns(int n_columns);
  /// The rows of positive weight of `block`, in the order of their first row each, and inside in that of
  /// rows: it depends on the block alone.
  std::span<const PatternRows> split(const Block& block);

 private:
  struct Group {
    Pattern pattern;
    int n_rows = 0;
    std::vector<double> values, weights;
    std::vector<Index> numbers;
  };
  template <class T>
  void find_groups(const T* rows, const Block& block);
  template <class T>
  void copy_rows(const T* rows, const Block& block);
  int group_of(const std::uint64_t* bits);
  void begin_group(const std::uint64_t* bits);

  int n_columns_, n_words_;
  std::vector<Group> groups_;  ///< those from n_groups_ on are spare
  int n_groups_ = 0;
  std::vector<std::uint64_t> bits_;  ///< n_words_ of each group: set where a column is missing
  std::vector<int> slots_;           ///< a hash table of groups; -1: empty
  std::vector<int> group_of_row_;    ///< -1: weight zero
  std::vector<PatternRows> rows_;
};

/// A row with column means in its gaps, as a centre of starts and reseeds.
std::vector<double> without_gaps(std::vector<double> row, const DataSummary& summary);

}  // namespace gmmpi
