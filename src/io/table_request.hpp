// What a reader is asked to open, and the checks that all formats share.
#pragma once

#include <span>
#include <string>

#include "gmmpi/io/open_data.hpp"

namespace gmmpi {

/// A table (N x d), or a column (N, or N x 1) of which `what` says what it is.
struct TableRequest {
  DataSpec spec;
  std::string default_dataset;
  std::string what;  ///< empty: a table
  TextFormat text{};

  int most_dimensions = 0;  ///< more than 0: arrays of 1 to so many are fine; a row is all of one first index

  bool is_column() const { return !what.empty(); }
  /// How messages start: "faithful.csv", "sample weights w.npy".
  std::string subject() const { return subject(spec.text); }
  std::string subject(const std::string& text) const { return is_column() ? what + " " + text : text; }
};

/// Rows and columns of a table of this shape. Error 65: not 2-D (for a column: 1-D or N x 1), no
/// rows, no columns.
struct TableShape {
  Index rows = 0;
  int columns = 0;
};
TableShape check_shape(const TableRequest& request, std::span<const Index> dims);

/// The type of an output that holds such values: that of the file where it is among them, else f8.
OutputColumn::Type stored_type(bool is_float, bool is_unsigned, int bytes);

/// "150 x 4"
std::string shape_text(std::span<const Index> dims);

/// Error 65: "`subject` holds `kind`: numbers are needed; `remedy`".
[[noreturn]] void not_numbers(const std::string& subject, const std::string& kind, const std::string& remedy);

/// The warning that names of columns, UTF-8 by now, were something else in the file.
Notice converted_names(const std::string& subject, const std::vector<std::string>& names);

/// Makes UTF-8 of names of columns, with that warning where it is needed.
void make_utf8(std::vector<std::string>& names, const std::string& subject, std::vector<Notice>& notices);

/// What to do about complex numbers, the same for all formats.
inline constexpr const char* kComplexRemedy = "store real and imaginary parts as columns of their own";

/// Throws Error 70 unless 0 <= first, 0 <= count and first + count <= n_rows.
void check_row_range(const DataReader& reader, Index first, Index count);

}  // namespace gmmpi
