// What gmmpi info says of a table.
#include "app/table_info.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/gap_counts.hpp"
#include "app/say.hpp"
#include "app/text_format.hpp"
#include "gmmpi/error.hpp"
#include "io/csv_reader.hpp"

namespace gmmpi::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostColumnsShown = 12;
/// Tables of more values are not read without being asked to.
constexpr Index kMostValuesRead = Index{1} << 27;

/// How a text table was understood: all that another program must know to read the same.
Json text_json(const CsvLayout& layout) {
  const CsvDialect& dialect = layout.dialect;
  return {{"header", layout.has_header},
          {"separator", std::string(1, dialect.separator)},
          {"decimal", std::string(1, dialect.decimal)},
          {"line_break", std::string(1, dialect.line_break)},
          {"first_line", layout.line},
          {"row_names", dialect.has_row_names},
          {"ends_in_separator", dialect.ends_in_separator},
          {"missing", dialect.missing_codes()}};
}

/// What the table lacks, unless it cannot (integers), is large, or holds what is no number.
std::optional<GapCounts> gaps_of(const Options& options, DataReader& table) {
  const bool is_large = table.n_rows() > kMostValuesRead / std::max(table.n_columns(), 1);
  const bool has_floats =
      table.stored() == OutputColumn::Type::f4 || table.stored() == OutputColumn::Type::f8;
  if (!has_floats || (is_large && !options.flag("gaps")) || table.n_columns() == 0) return std::nullopt;
  try {
    return count_gaps(table);
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_data) throw;
    return std::nullopt;
  }
}

}  // namespace

/// The names of the columns, if there are any and not too many.
std::string columns_line(const std::vector<std::string>& names, const std::string& more) {
  if (names.empty() || std::ssize(names) > kMostColumnsShown) return "";
  return fmt::format("columns: {}{}\n", fmt::join(names, ", "), more);
}

void print_table(const Execution& execution, const Options& options, const std::string& spec) {
  TextFormat format;
  execution.comm.together([&] { format = text_format(options); });
  const auto reader = open_array(execution.comm, spec, "/X", format);
  const auto* text = dynamic_cast<const CsvReader*>(reader.get());
  execution.comm.together([&] {
    check_is_text(options, *reader);
    if (text && !options.flag("json")) text->require_numbers();
  });
  std::optional<GapCounts> gaps;
  execution.comm.together([&] {
    if (execution.comm.is_root()) gaps = gaps_of(options, *reader);
  });
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    Json json{{"n_samples", reader->n_rows()},
              {"n_features", reader->n_columns()},
              {"type", reader->element() == ElementType::f4 ? "f4" : "f8"},
              {"feature_names", reader->feature_names()}};
    if (gaps) json["gaps"] = gaps->json();
    if (text) json["text"] = text_json(text->layout());
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  for (const Notice& notice : reader->notices())
    if (notice.is_warning) note("gmmpi: warning: {}\n", notice.text);
  const bool has_gaps = gaps && gaps->any();
  say("{}\n{}{}{}{}", reader->describe(), text ? text->layout().text() + "\n" : "",
      columns_line(reader->feature_names(), " (--columns takes some of them)"),
      has_gaps ? gaps->text(reader->feature_names()) : "",
      reader->shape().size() == 2
          ? fmt::format("next: gmmpi fit {} -k 3{} -o model.h5\n", spec, has_gaps ? " --missing em" : "")
          : "");
}

}  // namespace gmmpi::app
