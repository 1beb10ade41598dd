// Tables in csv files, cut into slices of bytes so that any rank can find any row.
#include "io/csv_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "gmmpi/error.hpp"
#include "io/csv_text.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kSliceBytes = std::int64_t{1} << 20;

/// The first line that starts in a slice: where it lies, and how many rows and lines come before.
struct Milestone {
  std::int64_t offset = 0, row = 0, line = 0;
};

/// What the first lines say about the file.
struct Layout {
  CsvDialect dialect;
  int columns = 0;
  std::vector<std::string> names;  ///< of the columns; empty without a header
  std::int64_t offset = 0;         ///< first byte behind the header
  std::int64_t line = 1;           ///< number of the line that starts there
};

/// Short, on one line and printable, for messages.
std::string shown(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string out(text.substr(0, longest));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return text.size() > longest ? out + "..." : out;
}

Layout read_layout(const InputFile& file) {
  Layout layout;
  std::array<char, 3> start{};
  const std::size_t got = file.read_some(0, std::as_writable_bytes(std::span(start)));
  const bool has_mark = std::string_view(start.data(), got) == "\xEF\xBB\xBF";  // UTF-8's byte order mark
  layout.offset = has_mark ? 3 : 0;
  LineReader lines(file, layout.offset, 1);
  while (true) {
    if (!lines.next())
      throw Error(ExitCode::bad_data,
                  fmt::format("{} has 0 rows: only blank lines and comments are in it", file.subject()));
    layout.dialect = CsvDialect::detect(lines.text());
    if (layout.dialect.is_row(lines.text())) break;
  }
  const std::vector<CsvField> fields = layout.dialect.split(lines.text());
  layout.columns = static_cast<int>(fields.size());
  layout.offset = lines.offset();
  layout.line = lines.line_number();
  const bool is_header = std::any_of(fields.begin(), fields.end(), [](const CsvField& field) {
    return field.quoted || (!field.text.empty() && !is_number(field.text));
  });
  if (!is_header) return layout;
  for (const CsvField& field : fields) layout.names.push_back(field.text);
  layout.offset = lines.next() ? lines.offset() : file.size();
  layout.line += 1;
  return layout;
}

/// One milestone for each slice, of a rank's share of the slices, in which a line starts; `row` and
/// `line` are those in the slice.
std::vector<Milestone> count_rows(const InputFile& file, const Layout& layout, int rank, int size) {
  const std::int64_t n_slices = (file.size() - layout.offset + kSliceBytes - 1) / kSliceBytes;
  const auto start_of = [&](int r) { return layout.offset + n_slices * r / size * kSliceBytes; };
  const std::int64_t begin = start_of(rank), end = std::min(start_of(rank + 1), file.size());
  std::vector<Milestone> slices;
  if (begin >= end) return slices;
  // A line belongs to the slice in which it starts: the one under way at `begin` is another's.
  const bool is_first = begin == layout.offset;
  LineReader lines(file, is_first ? begin : begin - 1, 1);
  if (!is_first) lines.next();
  std::int64_t slice = -1;
  while (lines.next() && lines.offset() < end) {
    const std::int64_t own_slice = (lines.offset() - layout.offset) / kSliceBytes;
    if (own_slice != slice) slices.push_back({lines.offset(), 0, 0});
    slice = own_slice;
    slices.back().line += 1;
    slices.back().row += layout.dialect.is_row(lines.text());
  }
  return slices;
}

class CsvReader final : public DataReader {
 public:
  CsvReader(const Communicator& comm, const TableRequest& request)
      : file_(open(comm, request)), lines_(*file_, 0, 1) {
    std::vector<Milestone> counted;
    comm.together([&] {
      layout_ = read_layout(*file_);
      counted = count_rows(*file_, layout_, comm.rank(), comm.size());
    });
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
  }

  void look_at(const std::vector<int>& columns) override {
    ignored_.assign(n_columns_, true);
    for (const int column : columns) ignored_[column] = false;
  }

  void read(Index first, Index count, double* out) override {
    check_row_range(*this, first, count);
    if (count == 0) return;
    require_no_row_names();
    go_to(first);
    for (const Index end = first + count; next_row_ < end;) {
      if (!lines_.next())
        throw Error(ExitCode::io_failed,
                    fmt::format("{}: the file has become shorter while it was read: run again "
                                "when nobody writes it",
                                name_));
      if (!layout_.dialect.is_row(lines_.text())) continue;
      const Index row = next_row_++;
      if (row < first) continue;
      if (!layout_.dialect.parse(lines_.text(), n_columns_, ignored_, out + (row - first) * n_columns_))
        explain(row);
    }
  }

  void read(Index, Index, float*) override {
    throw Error(ExitCode::internal, "internal error: csv data are read as float64");
  }

 private:
  static std::unique_ptr<InputFile> open(const Communicator& comm, const TableRequest& request) {
    std::unique_ptr<InputFile> file;
    comm.together([&] { file = std::make_unique<InputFile>(request.spec.path, request.subject()); });
    return file;
  }

  bool is_ignored(std::size_t column) const { return !ignored_.empty() && ignored_[column]; }

  void require_no_row_names() const {
    if (layout_.names.empty() || !layout_.names.front().empty() || layout_.columns == 1 || is_ignored(0))
      return;
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: column 0 has no name in the header, as row names have: write the file without them "
                    "(pandas: index=False, R: row.names=FALSE), choose the others with --columns, or name it",
                    file_->subject()));
  }

  /// Moves the cursor to the last milestone at or before `row`, unless it stands between the two.
  void go_to(Index row) {
    const auto after = std::upper_bound(milestones_.begin(), milestones_.end(), row,
                                        [](Index r, const Milestone& at) { return r < at.row; });
    const Milestone& at = *std::prev(after);
    if (at.row <= next_row_ && next_row_ <= row) return;
    lines_ = LineReader(*file_, at.offset, at.line);
    next_row_ = at.row;
  }

  /// Throws: what is wrong with the current line, which holds `row`.
  [[noreturn]] void explain(Index row) const {
    const auto bad = [&](const std::string& place, const std::string& problem) {
      throw Error(ExitCode::bad_data, fmt::format("{}: row {} (line {}){} {}", file_->subject(), row,
                                                  lines_.line_number(), place, problem));
    };
    const std::vector<CsvField> fields = layout_.dialect.split(lines_.text());
    if (fields.size() != static_cast<std::size_t>(n_columns_))
      bad("",
          fmt::format("has {} fields, the first line has {}: correct it, or check what separates the fields",
                      fields.size(), n_columns_));
    for (std::size_t column = 0; column < fields.size(); ++column) {
      if (is_ignored(column)) continue;
      const CsvField& field = fields[column];
      const std::string place = fmt::format(", column {}", column);
      if (field.text.empty()) bad(place, "is empty: fill it or remove the row");
      if (field.quoted || !is_number(field.text))
        bad(place, fmt::format("is not a number ({}{}{}): {}", field.quoted ? "\"" : "", shown(field.text),
                               field.quoted ? "\"" : "",
                               field.text.find(',') != std::string::npos
                                   ? "write decimal points, not commas"
                                   : "correct it, remove the row, or choose other columns with --columns"));
    }
    bad("", "cannot be parsed: correct or remove it");
    __builtin_unreachable();
  }

  std::unique_ptr<InputFile> file_;  ///< where it lies does not change, for lines_
  Layout layout_;
  std::vector<Milestone> milestones_;
  LineReader lines_;
  std::vector<bool> ignored_;  ///< columns that nobody looks at; empty: none
  Index next_row_ = 0;         ///< of the line that lines_.next() goes to
};

}  // namespace

std::unique_ptr<DataReader> open_csv(const Communicator& comm, const TableRequest& request) {
  return std::make_unique<CsvReader>(comm, request);
}

}  // namespace gmmpi
