// Tables in csv files, cut into slices of bytes so that any rank can find any row.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "io/csv_layout.hpp"

namespace gmmpi {

class CsvReader final : public DataReader {
 public:
  /// Collective. See open_csv.
  CsvReader(const Communicator& comm, const TableRequest& request);

  const CsvLayout& layout() const { return layout_; }
  void look_at(const std::vector<int>& columns) override;
  void read(Index first, Index count, double* out) override;
  /// Not to be called: element() is f8.
  void read(Index first, Index count, float* out) override;
  std::string row_text(Index row) override;
  /// Error 65 if no field of the first rows is a number.
  void require_numbers() const;

  /// Local. Calls take(row, text) for a column of rows [first, first + count), in their order; `text` is ""
  /// where the value is missing. Errors 65, 74 as read.
  void read_texts(int column, Index first, Index count,
                  const std::function<void(Index, const std::string&)>& take);

 private:
  /// The first line that starts in a slice: where it lies, and how many rows and lines come before.
  struct Milestone {
    std::int64_t offset = 0, row = 0, line = 0;
  };

  static std::unique_ptr<InputFile> open(const Communicator& comm, const TableRequest& request);
  std::vector<Milestone> count_rows(int rank, int size) const;
  void note_layout(const TableRequest& request);
  bool is_ignored(std::size_t column) const { return !ignored_.empty() && ignored_[column]; }
  void require_no_row_names() const;
  void go_to(Index row);
  void next_line();
  [[noreturn]] void explain(Index row) const;

  std::unique_ptr<InputFile> file_;  ///< where it lies does not change, for lines_
  CsvLayout layout_;
  std::vector<Milestone> milestones_;
  LineReader lines_;
  std::vector<bool> ignored_;  ///< columns that nobody looks at; empty: none
  Index next_row_ = 0;         ///< of the line that lines_.next() goes to
};

/// Collective: the ranks share the counting of rows. See CsvLayout for what is found out about the file;
/// lines that are blank or start with '#' are skipped. Errors as open_data; fields are checked when they are
/// read.
std::unique_ptr<DataReader> open_csv(const Communicator& comm, const TableRequest& request);

}  // namespace gmmpi
