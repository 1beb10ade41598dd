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
  LineReader(const InputFile& file, std::int64_t offset, std::int64_t line_number)
      : file_(&file), buffer_offset_(offset), line_number_(line_number - 1) {}

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

/// How a csv file is written. `separator` is one of , ; tab, or a blank for runs of blanks.
struct CsvDialect {
  char separator = ',';

  /// From the first line that is neither blank nor a comment.
  static CsvDialect detect(std::string_view line);
  /// Whether a line holds a row: it is neither blank nor starts with '#'.
  bool is_row(std::string_view line) const;
  /// Parses exactly `columns` fields, all numbers; false where the line is anything else. Where `ignored`
  /// (columns, or empty) is set the field may be anything, and is 0.
  bool parse(std::string_view line, int columns, const std::vector<bool>& ignored, double* out) const;
  /// The fields of a line; "..." is taken off and "" in it becomes ".
  std::vector<CsvField> split(std::string_view line) const;

 private:
  const char* skip_blanks(const char* from, const char* end) const;
  bool is_separator(char c) const { return c == separator || (c == '\t' && separator == ' '); }
  const char* skip_field(const char* from, const char* end) const;
};

/// Whether the text is one number, or nan or inf.
bool is_number(std::string_view text);

}  // namespace gmmpi
