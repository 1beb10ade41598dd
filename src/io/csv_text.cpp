// Lines, fields and numbers of a csv file.
#include "io/csv_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>

namespace gmmpi {

bool LineReader::next() {
  std::size_t searched = 0;
  const char* line_break = nullptr;
  while (true) {
    const char* from = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    if (size > searched)
      line_break = static_cast<const char*>(std::memchr(from + searched, line_break_, size - searched));
    if (line_break != nullptr) break;
    searched = size;
    if (!refill()) break;
  }
  if (begin_ == end_) return false;
  const std::size_t length =
      line_break ? static_cast<std::size_t>(line_break - buffer_.data()) - begin_ : end_ - begin_;
  text_ = std::string_view(buffer_.data() + begin_, length);
  while (text_.ends_with('\r')) text_.remove_suffix(1);
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

bool CsvDialect::is_row(std::string_view line) const {
  const std::size_t first = line.find_first_not_of(separator == '\t' ? " " : " \t");
  return first != std::string_view::npos && line[first] != '#';
}

const char* CsvDialect::skip_blanks(const char* from, const char* end) const {
  while (from < end && (*from == ' ' || (*from == '\t' && separator != '\t'))) ++from;
  return from;
}

namespace {

/// Of a number beyond the range of double: whether it is too large, else too small. Counts powers of ten.
bool is_too_large(std::string_view number) {
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, e);
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto leading = static_cast<std::int64_t>(digits.find_first_of("123456789"));
  if (e == number.size()) return point > leading;
  std::string_view exponent = number.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::int64_t power = 0;
  if (std::from_chars(exponent.begin(), exponent.end(), power).ec == std::errc::result_out_of_range)
    return !exponent.starts_with('-');
  return power > leading - point;
}

/// As std::from_chars, with a leading plus allowed. Numbers beyond the range of double become
/// infinite or zero, as everywhere.
std::from_chars_result parse_number(const char* from, const char* end, double& value) {
  if (end - from > 1 && *from == '+' && from[1] != '-') ++from;
  std::from_chars_result result = std::from_chars(from, end, value);
  if (result.ec != std::errc::result_out_of_range) return result;
  const bool large = is_too_large({from, result.ptr});
  value = std::copysign(large ? std::numeric_limits<double>::infinity() : 0.0, *from == '-' ? -1.0 : 1.0);
  result.ec = std::errc();
  return result;
}

/// What statistics programs, databases and people write where a value is missing. Case counts: Na is sodium.
constexpr std::array<std::string_view, 21> kMissing{
    "",     "NA",   "N/A",  "n/a",     "<NA>",     "#N/A",   "#NA",     "NaN",  "nan", "-NaN", "-nan",
    "NULL", "null", "Null", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "None", "?",   "."};

}  // namespace

void CsvDialect::set_missing(const std::vector<std::string>& codes) {
  missing_ = codes;
  missing_numbers_.clear();
  double value = 0.0;
  for (const std::string& code : codes)
    if (value_of(code, value) && !std::isnan(value)) missing_numbers_.push_back(value);
}

std::vector<std::string> CsvDialect::missing_codes() const {
  std::vector<std::string> codes(kMissing.begin(), kMissing.end());
  codes.insert(codes.end(), missing_.begin(), missing_.end());
  return codes;
}

bool CsvDialect::is_missing(double value) const {
  return std::ranges::find(missing_numbers_, value) != missing_numbers_.end();
}

bool CsvDialect::is_missing(std::string_view text) const {
  if (std::ranges::find(kMissing, text) != kMissing.end() ||
      std::ranges::find(missing_, text) != missing_.end())
    return true;
  double value = 0.0;
  return !missing_numbers_.empty() && value_of(text, value) && is_missing(value);
}

bool CsvDialect::is_number(std::string_view text) const {
  double value = 0.0;
  return value_of(text, value);
}

/// Whether the text is a number, whether it stands for a missing value or not.
bool CsvDialect::value_of(std::string_view text, double& out) const {
  std::string pointed;
  if (decimal == ',') {
    if (text.find('.') != std::string_view::npos) return false;
    pointed = text;
    std::ranges::replace(pointed, ',', '.');
    text = pointed;
  }
  const char* const end = text.data() + text.size();
  const auto [stop, error] = parse_number(text.data(), end, out);
  return error == std::errc{} && stop == end && !text.empty();
}

const char* CsvDialect::skip_field(const char* from, const char* end) const {
  bool quoted = false;
  for (const char* at = from; at < end; ++at) {
    if (*at == '"' && (quoted || at == from)) {
      if (quoted && at + 1 < end && at[1] == '"')
        ++at;
      else
        quoted = !quoted;
    } else if (!quoted && is_separator(*at)) {
      return at;
    }
  }
  return end;
}

/// To the next field, from behind the last; null where there is none.
const char* CsvDialect::skip_separator(const char* from, const char* end) const {
  const char* at = skip_blanks(from, end);
  if (separator == ' ') return at == from || at == end ? nullptr : at;
  return at == end || *at != separator ? nullptr : skip_blanks(at + 1, end);
}

/// The common case first: a number as it stands, with a separator behind it.
bool CsvDialect::parse_field(const char*& at, const char* end, double& out) const {
  if (decimal == '.') {
    const std::from_chars_result parsed = parse_number(at, end, out);
    const bool whole =
        parsed.ptr == end || is_separator(*parsed.ptr) || *parsed.ptr == ' ' || *parsed.ptr == '\t';
    if (parsed.ec == std::errc{} && whole) {
      const char* const next = skip_blanks(parsed.ptr, end);
      if (separator == ' ' || next == end || *next == separator) {
        at = parsed.ptr;
        if (!missing_numbers_.empty() && is_missing(out)) out = std::numeric_limits<double>::quiet_NaN();
        return true;
      }
    }
  }
  const std::string text = take_field(at, end).text;
  if (is_missing(text))
    out = std::numeric_limits<double>::quiet_NaN();
  else if (!value_of(text, out))
    return false;
  return true;
}

bool CsvDialect::parse(std::string_view line, int columns, const std::vector<bool>& ignored,
                       double* out) const {
  const char* const end = line.data() + line.size();
  const char* at = skip_blanks(line.data(), end);
  if (has_row_names) {
    at = skip_separator(skip_field(at, end), end);
    if (!at) return false;
  }
  for (int column = 0; column < columns; ++column) {
    if (!ignored.empty() && ignored[column]) {
      at = skip_field(at, end);
      out[column] = 0.0;
    } else if (!parse_field(at, end, out[column])) {
      return false;
    }
    if (column + 1 == columns) break;
    at = skip_separator(at, end);
    if (!at) return false;
  }
  at = skip_blanks(at, end);
  if (ends_in_separator) {
    if (at == end || *at != separator) return false;
    at = skip_blanks(at + 1, end);
  }
  return at == end;
}

/// The field that begins here; goes behind it.
CsvField CsvDialect::take_field(const char*& at, const char* end) const {
  CsvField field;
  if (at < end && *at == '"') {
    field.quoted = true;
    for (++at; at < end; ++at) {
      if (*at == '"' && (at + 1 == end || *++at != '"')) break;
      field.text += *at;
    }
    if (at < end && *at == '"') ++at;
    if (separator != ' ') at = skip_blanks(at, end);
  }
  while (at < end && !is_separator(*at)) field.text += *at++;
  while (!field.quoted && !field.text.empty() && (field.text.back() == ' ' || field.text.back() == '\t'))
    field.text.pop_back();
  return field;
}

std::vector<CsvField> CsvDialect::split(std::string_view line) const {
  std::vector<CsvField> fields;
  const char* const end = line.data() + line.size();
  for (const char* at = skip_blanks(line.data(), end); at; at = skip_separator(at, end))
    fields.push_back(take_field(at, end));
  if (has_row_names) fields.erase(fields.begin());
  if (ends_in_separator && !fields.empty() && fields.back().text.empty()) fields.pop_back();
  return fields;
}

bool is_number(std::string_view text) {
  return CsvDialect{}.is_number(text);
}

}  // namespace gmmpi
