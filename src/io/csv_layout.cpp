// What the first lines of a csv file say about the others.
#include "io/csv_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "gmmpi/error.hpp"
#include "io/utf8.hpp"

namespace gmmpi {

namespace {

using Fields = std::vector<CsvField>;

/// Rows that are looked at below the first line, and bytes of them.
constexpr std::size_t kMostRows = 1000, kMostBytes = std::size_t{1} << 22;
constexpr int kMostHeaderLines = 100;

/// The first line, which a quoted line break may continue, and some below it.
struct Head {
  std::string first;
  std::int64_t first_offset = 0, first_line = 0, next_offset = 0, next_line = 0;
  std::vector<std::string> rows;
};

/// Whether a quoted field begins in the text and does not end there.
bool is_open(std::string_view text) {
  bool quoted = false, at_start = true;
  for (const char c : text) {
    if (c == '"' && (quoted || at_start)) quoted = !quoted;
    at_start = std::string_view("\" \t,;|").find(c) != std::string_view::npos;
  }
  return quoted;
}

/// What ends the first line: '\r' alone, or '\n'.
char line_break_of(const InputFile& file, std::int64_t offset) {
  std::array<char, 4096> buffer{};
  bool returned = false;
  while (const std::size_t n = file.read_some(offset, std::as_writable_bytes(std::span(buffer)))) {
    for (const char c : std::string_view(buffer.data(), n)) {
      if (c == '\n') return '\n';
      if (returned && c != '\r') return '\r';
      returned = c == '\r';
    }
    offset += static_cast<std::int64_t>(n);
  }
  return returned ? '\r' : '\n';
}

/// With a blank as separator blank lines and comments are told apart as with any other but a tab, in whose
/// files a line of tabs is a row of nothing.
Head read_head(const InputFile& file, std::int64_t offset, char line_break, const CsvDialect& any) {
  Head head;
  LineReader lines(file, offset, 1, line_break);
  do {
    if (!lines.next())
      throw Error(ExitCode::bad_data,
                  fmt::format("{} has 0 rows: only blank lines and comments are in it", file.subject()));
  } while (!any.is_row(lines.text()));
  head.first = lines.text();
  head.first_offset = lines.offset();
  head.first_line = lines.line_number();
  head.next_offset = file.size();
  head.next_line = head.first_line + 1;
  bool more = lines.next();
  std::string whole = head.first;
  for (int i = 0; more && is_open(whole) && i < kMostHeaderLines; ++i) {
    whole.append(" ").append(lines.text());
    more = lines.next();
    if (is_open(whole)) continue;
    head.first = whole;
    head.next_line = more ? lines.line_number() : head.next_line + i + 1;
  }
  if (head.first != whole) {  // what begins with a quote is no quoted name
    lines = LineReader(file, head.first_offset, head.first_line, line_break);
    lines.next();
    more = lines.next();
  }
  if (more) head.next_offset = lines.offset();
  for (std::size_t bytes = 0; more && head.rows.size() < kMostRows && bytes < kMostBytes;
       more = lines.next()) {
    if (!any.is_row(lines.text())) continue;
    head.rows.emplace_back(lines.text());
    bytes += lines.text().size();
  }
  return head;
}

/// The first of tab, semicolon, comma, bar and blank that is in the first line and cuts the rows into as many
/// fields; else the first that is there. A line of words above a single column is one name.
char find_separator(const Head& head, CsvDialect dialect) {
  std::optional<char> there;
  for (const char separator : {'\t', ';', ',', '|', ' '}) {
    if (separator == dialect.decimal) continue;
    dialect.separator = separator;
    const std::size_t n = dialect.split(head.first).size();
    if (n == 1) continue;
    if (!there) there = separator;
    const bool fits = std::ranges::all_of(head.rows, [&](const std::string& row) {
      const std::size_t fields = dialect.split(row).size();
      return fields == n || fields == n + 1;
    });
    if (fits) return separator;
  }
  const char separator = there.value_or(' ');
  dialect.separator = separator;
  const bool single =
      separator == ' ' && !head.rows.empty() &&
      std::ranges::all_of(head.rows, [&](auto& row) { return dialect.split(row).size() == 1; }) &&
      std::ranges::none_of(dialect.split(head.first),
                           [&](auto& field) { return dialect.is_number(field.text); });
  return single ? ',' : separator;
}

/// What the fields of a column are, in the rows that were looked at.
struct ColumnKind {
  int numbers = 0, texts = 0;
  bool quotes_numbers = false;
};

/// With either decimal mark: that there is a number is plain, even where the reading will refuse the mark.
bool is_any_number(const CsvDialect& dialect, const std::string& text) {
  if (dialect.is_number(text)) return true;
  CsvDialect other;
  other.decimal = dialect.decimal == '.' ? ',' : '.';
  return other.is_number(text);
}

std::vector<ColumnKind> column_kinds(const CsvDialect& dialect, const std::vector<Fields>& rows,
                                     std::size_t n) {
  std::vector<ColumnKind> kinds(n);
  for (const Fields& row : rows)
    for (std::size_t j = 0; j < std::min(n, row.size()); ++j) {
      if (dialect.is_missing(row[j].text)) continue;
      const bool number = is_any_number(dialect, row[j].text);
      ++(number ? kinds[j].numbers : kinds[j].texts);
      kinds[j].quotes_numbers |= number && row[j].quoted;
    }
  return kinds;
}

/// Whether the fields of a first line can be names.
bool can_be_names(const CsvDialect& dialect, const Fields& first, const std::vector<ColumnKind>& below) {
  bool any = false;
  for (std::size_t j = 0; j < first.size(); ++j) {
    if (first[j].text.empty()) continue;
    any = true;
    const bool is_name = first[j].quoted && !(j < below.size() && below[j].quotes_numbers);
    if (!is_name && (dialect.is_missing(first[j].text) || is_any_number(dialect, first[j].text)))
      return false;
  }
  return any;
}

/// Row names, a last separator, and the header.
void understand(const Head& head, TextFormat::Header wanted, CsvLayout& layout) {
  CsvDialect& dialect = layout.dialect;
  const auto cut = [&](const std::vector<std::string>& lines) {
    std::vector<Fields> rows;
    for (const std::string& line : lines) rows.push_back(dialect.split(line));
    return rows;
  };
  const auto all = [](const std::vector<Fields>& rows, const auto& is_so) {
    return !rows.empty() && std::ranges::all_of(rows, is_so);
  };
  const auto ends_empty = [](const Fields& fields) {
    return fields.size() > 1 && fields.back().text.empty() && !fields.back().quoted;
  };
  const Fields whole = dialect.split(head.first);
  const std::size_t n = whole.size();
  std::vector<Fields> rows = cut(head.rows);
  const bool one_more = all(rows, [&](const Fields& row) { return row.size() == n + 1; });
  const bool one_less = all(rows, [&](const Fields& row) { return row.size() + 1 == n; });
  const bool rows_end_empty = dialect.separator != ' ' && all(rows, ends_empty);
  dialect.ends_in_separator = rows_end_empty && (one_more || ends_empty(whole));
  dialect.has_row_names = one_more && !rows_end_empty;
  rows = cut(head.rows);
  Fields first = whole;
  if (ends_empty(whole) && (dialect.ends_in_separator || one_less)) first.pop_back();

  const std::vector<ColumnKind> below = column_kinds(dialect, rows, first.size());
  const bool numbers_below =
      std::ranges::any_of(below, [](const ColumnKind& k) { return k.numbers > k.texts; });
  layout.has_header = wanted == TextFormat::Header::yes ||
                      (wanted == TextFormat::Header::automatic && can_be_names(dialect, first, below) &&
                       (rows.empty() || numbers_below));
  layout.has_numbers =
      rows.empty() || std::ranges::any_of(below, [](auto& k) { return k.numbers > 0; }) ||
      std::ranges::any_of(first, [&](auto& field) { return is_any_number(dialect, field.text); });
  if (!layout.has_header) {  // then the first line is as long as a row is
    if (one_more) dialect.has_row_names = dialect.ends_in_separator = false;
    if (one_less) first = whole;
  }
  layout.columns = static_cast<int>(first.size());
  if (!layout.has_header) return;
  for (const CsvField& field : first) {
    layout.names_converted |= !is_utf8(field.text);
    layout.names.push_back(as_utf8(field.text));
  }
}

CsvLayout look_at(const InputFile& file, const TextFormat& wanted) {
  CsvLayout layout;
  std::array<char, 3> start{};
  const std::size_t got = file.read_some(0, std::as_writable_bytes(std::span(start)));
  const bool has_mark = std::string_view(start.data(), got) == "\xEF\xBB\xBF";  // UTF-8's byte order mark
  layout.offset = has_mark ? 3 : 0;
  CsvDialect& dialect = layout.dialect;
  dialect.line_break = line_break_of(file, layout.offset);
  dialect.separator = wanted.separator == '\0' ? ' ' : wanted.separator;
  dialect.decimal = wanted.decimal;
  dialect.set_missing(wanted.missing);
  const Head head = read_head(file, layout.offset, dialect.line_break, dialect);
  if (wanted.separator == '\0') dialect.separator = find_separator(head, dialect);
  understand(head, wanted.header, layout);
  layout.first_line = shown(as_utf8(head.first));
  layout.offset = layout.has_header ? head.next_offset : head.first_offset;
  layout.line = layout.has_header ? head.next_line : head.first_line;
  return layout;
}

nlohmann::json as_json(const CsvLayout& l) {
  const CsvDialect& d = l.dialect;
  return {d.separator,  d.decimal,    d.line_break, d.has_row_names,   d.ends_in_separator,
          l.columns,    l.has_header, l.names,      l.names_converted, l.has_numbers,
          l.first_line, l.offset,     l.line};
}

CsvLayout from_json(const nlohmann::json& j) {
  CsvLayout l;
  CsvDialect& d = l.dialect;
  std::size_t i = 0;
  const auto take = [&](auto& value) { j.at(i++).get_to(value); };
  take(d.separator), take(d.decimal), take(d.line_break), take(d.has_row_names), take(d.ends_in_separator);
  take(l.columns), take(l.has_header), take(l.names);
  take(l.names_converted), take(l.has_numbers), take(l.first_line), take(l.offset), take(l.line);
  return l;
}

std::string separator_text(char separator) {
  switch (separator) {
    case ',':
      return "commas";
    case ';':
      return "semicolons";
    case '\t':
      return "tabs";
    case ' ':
      return "blanks";
    case '|':
      return "bars";
    default:
      return fmt::format("'{}'", separator);
  }
}

}  // namespace

std::string CsvLayout::text() const {
  std::string text =
      has_header ? "the first line is a header" : "the first line is a row, there is no header";
  if (columns > 1) text += fmt::format(", {} separate", separator_text(dialect.separator));
  if (dialect.decimal == ',') text += ", decimals have commas";
  if (dialect.has_row_names) text += ", the first field of each row is its name and no column";
  return text;
}

CsvLayout read_csv_layout(const Communicator& comm, const InputFile& file, const TextFormat& wanted) {
  std::string text;
  comm.together([&] {
    if (comm.is_root())
      text = as_json(look_at(file, wanted)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  });
  comm.broadcast(text);
  CsvLayout layout = from_json(nlohmann::json::parse(text));
  layout.dialect.set_missing(wanted.missing);
  return layout;
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::size_t n = std::min(text.size(), longest);
  while (n > 0 && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0u) == 0x80u) --n;
  std::string out(text.substr(0, n));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return text.size() > longest ? out + "..." : out;
}

}  // namespace gmmpi
