// What a table lacks: by columns, and by patterns of missing columns.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gmmpi/data/data_reader.hpp"

namespace gmmpi::app {

struct GapCounts {
  Index n_rows = 0, n_values = 0, n_missing = 0, n_incomplete = 0;
  Index n_empty = 0;             ///< rows without any value
  std::vector<Index> by_column;  ///< (d)
  /// Rows and the columns that they lack, the most common first, then in the order of rows; a few of them.
  std::vector<std::pair<Index, std::vector<int>>> patterns;
  Index n_patterns = 0;
  bool all_patterns = true;  ///< false: there were more than could be kept, and the first to come were

  bool any() const { return n_missing > 0; }
  nlohmann::ordered_json json() const;
  /// Lines for people, none where nothing is missing; `names` of the columns, or none.
  std::string text(const std::vector<std::string>& names) const;
};

/// Local. Reads the whole table, piece by piece; where it has usual columns, others are not looked at.
/// Errors: those of reading.
GapCounts count_gaps(DataReader& rows);

}  // namespace gmmpi::app
