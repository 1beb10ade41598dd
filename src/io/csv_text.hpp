// Lines, fields and numbers of a csv file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/posix_file.hpp"

namespace gmmpi {

/// The lines of a file from some byte on, one after the other. The file must outlive it.
class LineReader {
 public:
  /// `line_break` ends lines: '\n' (with any '\r' before it), or '\r' as old Macs wrote it.
  LineReader(const InputFile& file, std::int64_t offset, std::int64_t line_number, char line_break)
      : file_(&file), line_break_(line_break), buffer_offset_(offset), line_number_(line_number - 1) {}

  /// Goes to the next line; false at the end of the file.
  bool next();
  /// The current line without its line break; valid until the next call of next().
  std::string_view text() const { return text_; }
  /// Where the current line starts in the file.
  std::int64_t offset() const { return offset_; }
  /// Number of the current line in the file, counted from 1.
  std::int64_t line_number() const { return line_number_; }

 private:
  bool refill();

  const InputFile* file_;
  char line_break_;
  std::vector<char> buffer_;
  std::int64_t buffer_offset_;       ///< of buffer_[0] in the file
  std::size_t begin_ = 0, end_ = 0;  ///< what is in the buffer and not yet read
  std::int64_t offset_ = 0, line_number_;
  std::string_view text_;
};

struct CsvField {
  std::string text;
  bool quoted = false;
};

/// How a csv file is written.
struct CsvDialect {
  char separator = ',';            ///< a blank stands for runs of blanks and tabs
  char decimal = '.';              ///< or ','
  char line_break = '\n';          ///< or '\r'
  bool has_row_names = false;      ///< the first field of each row is a name of the row, no column
  bool ends_in_separator = false;  ///< behind the last field of each row

  /// Codes of missing values besides the usual ones. One that is a number is any way to write that number.
  void set_missing(const std::vector<std::string>& codes);
  /// All codes of missing values.
  std::vector<std::string> missing_codes() const;
  /// Whether a line holds a row: it is neither blank nor starts with '#'.
  bool is_row(std::string_view line) const;
  /// Parses exactly `columns` fields, all numbers, NaN where a code of a missing value (or nothing) stands;
  /// false where the line is anything else. Where `ignored` (columns, or empty) is set the field may be
  /// anything, and is 0.
  bool parse(std::string_view line, int columns, const std::vector<bool>& ignored, double* out) const;
  /// The fields of the columns of a line; "..." is taken off and "" in it becomes ". Row names and what is
  /// behind a last separator are left out.
  std::vector<CsvField> split(std::string_view line) const;

  /// Whether the field is one number, or nan or inf.
  bool is_number(std::string_view text) const;
  /// Whether the field is empty or a code of a missing value.
  bool is_missing(std::string_view text) const;

 private:
  std::vector<std::string> missing_{};
  std::vector<double> missing_numbers_{};

  const char* skip_blanks(const char* from, const char* end) const;
  const char* skip_field(const char* from, const char* end) const;
  const char* skip_separator(const char* from, const char* end) const;
  bool is_separator(char c) const { return c == separator || (c == '\t' && separator == ' '); }
  CsvField take_field(const char*& at, const char* end) const;
  bool parse_field(const char*& at, const char* end, double& out) const;
  bool value_of(std::string_view text, double& out) const;
  bool is_missing(double value) const;
};

/// Whether the text is one number with a decimal point, or nan or inf.
bool is_number(std::string_view text);

}  // namespace gmmpi
