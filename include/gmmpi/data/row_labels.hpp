// The classes of this rank's rows, as far as they are known: what a supervised fit has besides its rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"

namespace gmmpi {

class RowLabels {
 public:
  static constexpr std::int32_t kUnknown = -1;
  static constexpr int kAnyClasses = 0;         ///< as many as the labels tell
  static constexpr int kMostClasses = 1 << 16;  ///< of kAnyClasses

  /// Collective. Reads a column of N numbers: 0 to n_classes - 1, or -1 (of text: or missing) where the class
  /// is unknown. Those of rows of weight zero are not looked at. Errors, equal on all ranks: 65 (not one
  /// label per row, a label that is no such number, naming its row, no label at all, or, where no row is
  /// unknown, a class without rows, unless any number of classes will do), 75, those of the reader.
  RowLabels(const Execution& execution, const Data& data, DataReader& labels, int n_classes);

  /// Collective. Those of `all`, a part of whose rows has weight zero in `data`, which has the same rows.
  /// Errors 65 as above.
  RowLabels(const Execution& execution, const RowLabels& all, const Data& data);

  int n_classes() const { return static_cast<int>(n_rows_.size()); }
  /// The class of a row of this rank, or kUnknown; of rows of weight zero always kUnknown.
  std::int32_t operator[](Index global_row) const { return labels_[global_row - first_row_]; }
  /// Rows of that class, on all ranks.
  Index n_rows(int k) const { return n_rows_[k]; }
  Index n_known() const { return n_known_; }
  /// True if no row (of positive weight) is unknown, on any rank.
  bool complete() const { return complete_; }
  /// Error 65 if a class has no rows.
  void require_rows_of_each_class() const;
  /// Of all labels; independent of file format and ranks.
  const std::string& fingerprint() const { return fingerprint_; }

  /// What they take on a rank of so many rows.
  static std::int64_t bytes(Index n_rows) { return n_rows * Index{sizeof(std::int32_t)}; }

 private:
  void read(const Execution& execution, const Data& data, DataReader& labels, int n_classes);
  void summarise(const Execution& execution, const Data& data);
  void check(bool all_have_rows) const;

  std::string name_;  ///< where they were read, for messages
  Index first_row_ = 0;
  std::vector<std::int32_t> labels_;  ///< of this rank's rows
  std::vector<Index> n_rows_;         ///< (K)
  Index n_known_ = 0;
  bool complete_ = false;
  std::string fingerprint_;
};

}  // namespace gmmpi
