// What the first lines of a csv file say about the others.
#pragma once

#include "io/csv_text.hpp"
#include "io/table_request.hpp"

namespace gmmpi {

struct CsvLayout {
  CsvDialect dialect;
  int columns = 0;
  bool has_header = false;
  std::vector<std::string> names;  ///< of the columns, UTF-8; empty without a header
  bool names_converted = false;    ///< they were not UTF-8
  bool has_numbers = true;         ///< in the rows that were looked at
  std::string first_line;          ///< its beginning, printable, for messages
  std::int64_t offset = 0;         ///< first byte of the rows
  std::int64_t line = 1;           ///< number of the line that starts there

  /// What was taken for what: "the first line is a header, commas separate".
  std::string text() const;
};

/// Collective. The root looks at the first lines, and all ranks learn what it has found. What the request
/// says of separator, decimal mark, missing values and header holds. A first line is a header if none of its
/// fields is a number or a code of a missing value and some column below it holds numbers, or nothing is
/// below it; a number in quotes is a name there unless numbers below it are quoted as well. Errors 65 (no
/// rows), 74.
CsvLayout read_csv_layout(const Communicator& comm, const InputFile& file, const TextFormat& wanted);

/// Short, on one line and printable, for messages.
std::string shown(std::string_view text);

}  // namespace gmmpi
