// Lines, fields and numbers of a csv file.
#include "io/csv_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

namespace gmmpi {

bool LineReader::next() {
  std::size_t searched = 0;
  const char* line_break = nullptr;
  while (true) {
    const char* from = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    if (size > searched)
      line_break = static_cast<const char*>(std::memchr(from + searched, '\n', size - searched));
    if (line_break != nullptr) break;
    searched = size;
    if (!refill()) break;
  }
  if (begin_ == end_) return false;
  const std::size_t length =
      line_break ? static_cast<std::size_t>(line_break - buffer_.data()) - begin_ : end_ - begin_;
  text_ = std::string_view(buffer_.data() + begin_, length);
  if (text_.ends_with('\r')) text_.remove_suffix(1);
  offset_ = buffer_offset_ + static_cast<std::int64_t>(begin_);
  begin_ += length + (line_break ? 1 : 0);
  ++line_number_;
  return true;
}

/// Moves what is left to the front of the buffer and reads behind it; false at the end of the file.
bool LineReader::refill() {
  constexpr std::size_t least = std::size_t{1} << 18;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  buffer_offset_ += static_cast<std::int64_t>(begin_);
  end_ -= begin_;
  begin_ = 0;
  if (buffer_.size() < std::max(least, 2 * end_)) buffer_.resize(std::max(least, 2 * end_));
  const std::span<char> room = std::span(buffer_).subspan(end_);
  const std::size_t n =
      file_->read_some(buffer_offset_ + static_cast<std::int64_t>(end_), std::as_writable_bytes(room));
  end_ += n;
  return n > 0;
}

CsvDialect CsvDialect::detect(std::string_view line) {
  std::string unquoted;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (!quoted) unquoted += c;
  }
  for (const char separator : {'\t', ';', ','})
    if (unquoted.find(separator) != std::string::npos) return {separator};
  return {' '};
}

bool CsvDialect::is_row(std::string_view line) const {
  const std::size_t first = line.find_first_not_of(separator == '\t' ? " " : " \t");
  return first != std::string_view::npos && line[first] != '#';
}

const char* CsvDialect::skip_blanks(const char* from, const char* end) const {
  while (from < end && (*from == ' ' || (*from == '\t' && separator != '\t'))) ++from;
  return from;
}

namespace {

/// As std::from_chars, with a leading plus allowed. Numbers beyond the range of double become
/// infinite or zero, as everywhere.
std::from_chars_result parse_number(const char* from, const char* end, double& value) {
  if (end - from > 1 && *from == '+' && from[1] != '-') ++from;
  const std::from_chars_result result = std::from_chars(from, end, value);
  if (result.ec != std::errc::result_out_of_range) return result;
  long double wide = 0;
  const std::from_chars_result again = std::from_chars(from, end, wide);
  value = static_cast<double>(wide);
  return again;
}

}  // namespace

const char* CsvDialect::skip_field(const char* from, const char* end) const {
  for (bool quoted = false; from < end && (quoted || !is_separator(*from)); ++from)
    if (*from == '"') quoted = !quoted;
  return from;
}

bool CsvDialect::parse(std::string_view line, int columns, const std::vector<bool>& ignored,
                       double* out) const {
  const char* const end = line.data() + line.size();
  const char* at = skip_blanks(line.data(), end);
  for (int column = 0; column < columns; ++column) {
    const char* stop = at;
    if (!ignored.empty() && ignored[column]) {
      stop = skip_field(at, end);
      out[column] = 0.0;
    } else {
      const std::from_chars_result parsed = parse_number(at, end, out[column]);
      if (parsed.ec != std::errc{}) return false;
      stop = parsed.ptr;
    }
    at = skip_blanks(stop, end);
    if (column + 1 == columns) break;
    if (separator == ' ') {
      if (at == stop) return false;
    } else {
      if (at == end || *at != separator) return false;
      at = skip_blanks(at + 1, end);
    }
  }
  return at == end;
}

std::vector<CsvField> CsvDialect::split(std::string_view line) const {
  std::vector<CsvField> fields;
  const char* const end = line.data() + line.size();
  const char* at = skip_blanks(line.data(), end);
  while (true) {
    CsvField& field = fields.emplace_back();
    if (at < end && *at == '"') {
      field.quoted = true;
      for (++at; at < end; ++at) {
        if (*at == '"' && (at + 1 == end || *++at != '"')) break;
        field.text += *at;
      }
      if (at < end && *at == '"') ++at;
      at = skip_blanks(at, end);
    }
    while (at < end && !is_separator(*at)) field.text += *at++;
    while (!field.quoted && !field.text.empty() && (field.text.back() == ' ' || field.text.back() == '\t'))
      field.text.pop_back();
    at = skip_blanks(at, end);
    if (at == end) return fields;
    if (separator == ' ') continue;
    at = skip_blanks(at + 1, end);
  }
}

bool is_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = parse_number(text.data(), end, value);
  return error == std::errc{} && stop == end && !text.empty();
}

}  // namespace gmmpi
