// The rows of a block by what they lack: rows of one pattern are a block of fewer columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Which columns of a row are there; each in ascending order, together all of them.
struct Pattern {
  std::vector<int> observed, missing;
  std::string key;  ///< a bit for each column, set where it is missing

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
  explicit BlockPatterns(int n_columns) : n_columns_(n_columns) {}
  /// The rows of positive weight of `block`, in the order of their first row each, and inside in that of
  /// rows: it depends on the block alone.
  std::span<const PatternRows> split(const Block& block);

 private:
  struct Group {
    Pattern pattern;
    std::vector<double> values, weights;
    std::vector<Index> numbers;
  };
  template <class T>
  void sort(const T* rows, const Block& block);
  Group& group_of(const std::string& key);

  int n_columns_;
  std::vector<Group> groups_;  ///< those from n_groups_ on are spare
  std::size_t n_groups_ = 0;
  std::unordered_map<std::string, std::size_t> place_;
  std::vector<PatternRows> rows_;
};

/// A row with column means in its gaps, as a centre of starts and reseeds.
std::vector<double> without_gaps(std::vector<double> row, const DataSummary& summary);

}  // namespace gmmpi
