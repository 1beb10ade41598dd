// Tables in csv files, cut into slices of bytes so that any rank can find any row.
#include "io/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "gmmpi/error.hpp"
#include "io/utf8.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kSliceBytes = std::int64_t{1} << 20;

}  // namespace

std::unique_ptr<InputFile> CsvReader::open(const Communicator& comm, const TableRequest& request) {
  std::unique_ptr<InputFile> file;
  comm.together([&] { file = std::make_unique<InputFile>(request.spec.path, request.subject()); });
  return file;
}

CsvReader::CsvReader(const Communicator& comm, const TableRequest& request)
    : file_(open(comm, request)),
      layout_(read_csv_layout(comm, *file_, request.text)),
      lines_(*file_, 0, 1, layout_.dialect.line_break) {
  std::vector<Milestone> counted;
  comm.together([&] { counted = count_rows(comm.rank(), comm.size()); });
  milestones_ = comm.all_gather(std::span<const Milestone>(counted));
  std::int64_t rows = 0, line = layout_.line;
  for (Milestone& at : milestones_) {
    rows += std::exchange(at.row, rows);
    line += std::exchange(at.line, line);
  }
  const std::array<Index, 2> dims{rows, layout_.columns};
  n_columns_ = check_shape(request, dims).columns;
  n_rows_ = rows;
  format_ = "csv";
  storage_.is_text = true;
  name_ = request.spec.text;
  feature_names_ = layout_.names;
  next_row_ = rows;  // the cursor is behind the end: the first read goes to a milestone
  note_layout(request);
}

void CsvReader::note_layout(const TableRequest& request) {
  notices_.push_back({fmt::format("{}: {}", request.subject(), layout_.text())});
  if (layout_.names_converted) notices_.push_back(converted_names(request.subject(), layout_.names));
}

/// One milestone for each slice, of a rank's share of the slices, in which a line starts; `row` and
/// `line` are those in the slice.
std::vector<CsvReader::Milestone> CsvReader::count_rows(int rank, int size) const {
  const std::int64_t n_slices = (file_->size() - layout_.offset + kSliceBytes - 1) / kSliceBytes;
  const auto start_of = [&](int r) { return layout_.offset + n_slices * r / size * kSliceBytes; };
  const std::int64_t begin = start_of(rank), end = std::min(start_of(rank + 1), file_->size());
  std::vector<Milestone> slices;
  if (begin >= end) return slices;
  // A line belongs to the slice in which it starts: the one under way at `begin` is another's.
  const bool is_first = begin == layout_.offset;
  LineReader lines(*file_, is_first ? begin : begin - 1, 1, layout_.dialect.line_break);
  if (!is_first) lines.next();
  std::int64_t slice = -1;
  while (lines.next() && lines.offset() < end) {
    const std::int64_t own_slice = (lines.offset() - layout_.offset) / kSliceBytes;
    if (own_slice != slice) slices.push_back({lines.offset(), 0, 0});
    slice = own_slice;
    slices.back().line += 1;
    slices.back().row += layout_.dialect.is_row(lines.text());
  }
  return slices;
}

void CsvReader::look_at(const std::vector<int>& columns) {
  ignored_.assign(n_columns_, true);
  for (const int column : columns) ignored_[column] = false;
}

void CsvReader::read(Index first, Index count, double* out) {
  check_row_range(*this, first, count);
  if (count == 0) return;
  require_no_row_names();
  require_numbers();
  go_to(first);
  for (const Index end = first + count; next_row_ < end;) {
    next_line();
    const Index row = next_row_ - 1;
    if (row < first) continue;
    if (!layout_.dialect.parse(lines_.text(), n_columns_, ignored_, out + (row - first) * n_columns_))
      explain(row);
  }
}

void CsvReader::read(Index, Index, float*) {
  throw Error(ExitCode::internal, "internal error: csv data are read as float64");
}

void CsvReader::read_texts(int column, Index first, Index count,
                           const std::function<void(Index, const std::string&)>& take) {
  check_row_range(*this, first, count);
  if (count == 0) return;
  go_to(first);
  for (const Index end = first + count; next_row_ < end;) {
    next_line();
    if (next_row_ <= first) continue;
    const std::vector<CsvField> fields = layout_.dialect.split(lines_.text());
    if (std::ssize(fields) != n_columns_) explain(next_row_ - 1);
    const std::string& text = fields[static_cast<std::size_t>(column)].text;
    take(next_row_ - 1, layout_.dialect.is_missing(text) ? "" : as_utf8(text));
  }
}

std::string CsvReader::row_text(Index row) {
  go_to(row);
  while (next_row_ <= row) next_line();
  return fmt::format("row {} (line {})", row, lines_.line_number());
}

/// To the next line that holds a row.
void CsvReader::next_line() {
  do {
    if (!lines_.next())
      throw Error(ExitCode::io_failed,
                  fmt::format("{}: the file has become shorter while it was read: run again "
                              "when nobody writes it",
                              name_));
  } while (!layout_.dialect.is_row(lines_.text()));
  ++next_row_;
}

void CsvReader::require_no_row_names() const {
  if (layout_.names.empty() || !layout_.names.front().empty() || layout_.columns == 1 || is_ignored(0))
    return;
  throw Error(
      ExitCode::bad_data,
      fmt::format("{}: column 0 has no name in the header, as row names have: write the file without them "
                  "(pandas: index=False, R: row.names=FALSE), choose the others with `columns`, or name it",
                  file_->subject()));
}

void CsvReader::require_numbers() const {
  if (layout_.has_numbers) return;
  throw Error(
      ExitCode::bad_data,
      fmt::format(
          "{}: no column holds numbers (the first line is: {}): give a table, or say how it is written "
          "with `separator` and `decimal`",
          file_->subject(), layout_.first_line));
}

/// Moves the cursor to the last milestone at or before `row`, unless it stands between the two.
void CsvReader::go_to(Index row) {
  const auto after = std::upper_bound(milestones_.begin(), milestones_.end(), row,
                                      [](Index r, const Milestone& at) { return r < at.row; });
  const Milestone& at = *std::prev(after);
  if (at.row <= next_row_ && next_row_ <= row) return;
  lines_ = LineReader(*file_, at.offset, at.line, layout_.dialect.line_break);
  next_row_ = at.row;
}

/// Throws: what is wrong with the current line, which holds `row`.
void CsvReader::explain(Index row) const {
  const CsvDialect& dialect = layout_.dialect;
  const auto bad = [&](const std::string& place, const std::string& problem) {
    throw Error(ExitCode::bad_data, fmt::format("{}: row {} (line {}){} {}", file_->subject(), row,
                                                lines_.line_number(), place, problem));
  };
  const bool may_be_header = row == 0 && !layout_.has_header;
  const std::vector<CsvField> fields = dialect.split(lines_.text());
  const bool fits = fields.size() == static_cast<std::size_t>(n_columns_);
  const bool is_open = std::ranges::count(lines_.text(), '"') % 2 != 0;
  const char* const open =
      "has a quote that does not end in its line: take the line break out of the field, or the quote";
  if (!fits && is_open) bad("", open);
  if (!fits)
    bad("",
        fmt::format(
            "has {} field{}, the first line has {}: correct it, or say what separates them with `separator`",
            fields.size(), fields.size() == 1 ? "" : "s", n_columns_));
  for (std::size_t column = 0; column < fields.size(); ++column) {
    const CsvField& field = fields[column];
    if (is_ignored(column) || dialect.is_missing(field.text) || dialect.is_number(field.text)) continue;
    if (is_open && field.quoted) bad("", open);
    CsvDialect other = dialect;
    other.decimal = dialect.decimal == '.' ? ',' : '.';
    const char* remedy = may_be_header
                             ? "give `header` yes if the first line holds names, "
                               "or choose other columns with `columns`"
                             : "correct it, remove the row, choose other columns with `columns`, or give "
                               "`na` if it stands for a missing value";
    if (other.is_number(field.text))
      remedy = dialect.decimal == '.' ? "give `decimal` , for decimal commas"
                                      : "give `decimal` . for decimal points";
    bad(fmt::format(", {}", column_text(static_cast<int>(column))),
        fmt::format("is not a number ({}): {}", shown(as_utf8(field.text)), remedy));
  }
  bad("", "cannot be parsed: correct or remove it");
  __builtin_unreachable();
}

std::unique_ptr<DataReader> open_csv(const Communicator& comm, const TableRequest& request) {
  return std::make_unique<CsvReader>(comm, request);
}

}  // namespace gmmpi
