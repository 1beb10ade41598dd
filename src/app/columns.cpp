// Parsing of columns and of columns with values.
#include "app/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app/say.hpp"
#include "gmmpi/data/column_reader.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/conditional.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"

namespace gmmpi::app {

namespace {

template <class T>
bool parse_number(const std::string& text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int parse_column(const std::string& option, const std::string& text, const ColumnNames& columns) {
  int column = 0;
  if (parse_number(text, column)) return column;
  const auto named = std::ranges::find(columns.names, text);
  if (named == columns.names.end())
    throw Error(
        ExitCode::usage,
        fmt::format("--{}: no column is named '{}'; {}", option, text,
                    columns.names.empty() ? fmt::format("{} stores no names, give numbers from 0 to {}",
                                                        columns.owner, columns.n_columns - 1)
                                          : fmt::format("choose from {}", fmt::join(columns.names, ", "))));
  if (std::find(named + 1, columns.names.end(), text) != columns.names.end())
    throw Error(ExitCode::usage,
                fmt::format("--{}: several columns are named '{}'; give numbers", option, text));
  return static_cast<int>(named - columns.names.begin());
}

}  // namespace

std::string NamedModel::name(int column) const {
  return feature_names.empty() ? std::to_string(column) : feature_names[column];
}

std::vector<std::string> NamedModel::names(const std::vector<int>& columns) const {
  std::vector<std::string> chosen;
  for (const int column : columns)
    if (!feature_names.empty()) chosen.push_back(feature_names[column]);
  return chosen;
}

NamedModel read_named_model(const Execution& execution, const std::string& path) {
  NamedModel model{read_model(execution, path), {}};
  model.feature_names = read_feature_names(execution, path, model.mixture.n_features);
  return model;
}

std::vector<int> parse_columns(const Options& options, const std::string& option, const ColumnNames& known,
                               int n_left) {
  std::vector<int> columns;
  for (const std::string& part : split(options.text(option)))
    columns.push_back(parse_column(option, part, known));
  check_column_list(columns, known.n_columns, n_left, "--" + option);
  return columns;
}

namespace {

/// The place of each of `wanted` among `names`; none unless each is there once.
std::vector<int> places(const std::vector<std::string>& wanted, const std::vector<std::string>& names) {
  std::vector<int> columns;
  for (const std::string& name : wanted) {
    if (std::ranges::count(names, name) != 1) return {};
    columns.push_back(static_cast<int>(std::ranges::find(names, name) - names.begin()));
  }
  return columns;
}

/// The names of the columns that the command's model or transform takes.
std::vector<std::string> names_of_model(const Execution& execution, const Options& options) {
  for (const char* argument : {"MODEL", "TRANSFORM"})
    if (const auto path = options.arguments.find(argument);
        path != options.arguments.end() && !(options.has("inverse") && options.flag("inverse")))
      return read_feature_names(execution, path->second);
  return {};
}

/// The columns of the model; all, with a warning, where the names of just as many others contradict.
std::vector<int> columns_of_model(const Execution& execution, const Options& options,
                                  const DataReader& rows) {
  const std::vector<std::string>& names = rows.feature_names();
  const std::vector<std::string> wanted = names_of_model(execution, options);
  std::vector<int> columns = places(wanted, names);
  if (columns.empty() && wanted.size() == names.size() && execution.comm.is_root())
    note(
        "gmmpi: warning: {} has the columns {}, the model {}: they are taken in their order; --columns "
        "chooses\n",
        rows.name(), fmt::join(names, ", "), fmt::join(wanted, ", "));
  return columns;
}

}  // namespace

std::unique_ptr<DataReader> choose_columns(const Execution& execution, const Options& options,
                                           std::unique_ptr<DataReader> rows) {
  std::vector<int> columns;
  if (options.has("columns"))
    execution.comm.together([&] {
      columns =
          parse_columns(options, "columns", {rows->feature_names(), rows->n_columns(), rows->name()}, 0);
    });
  else if (!rows->feature_names().empty())
    columns = columns_of_model(execution, options, *rows);
  const bool all = std::ssize(columns) == rows->n_columns() && std::ranges::is_sorted(columns);
  if (columns.empty() || all) return rows;
  return std::make_unique<ColumnReader>(std::move(rows), std::move(columns));
}

GivenValues parse_given(const Options& options, const std::string& option, const NamedModel& model) {
  GivenValues given;
  for (const std::string& part : split(options.text(option))) {
    const std::size_t equals = part.rfind('=');
    if (equals == std::string::npos)
      throw Error(ExitCode::usage,
                  fmt::format("--{}: '{}' has no value; write COLUMN=VALUE, such as 0=1.5", option, part));
    double value = 0.0;
    if (!parse_number(part.substr(equals + 1), value) || !std::isfinite(value))
      throw Error(ExitCode::usage, fmt::format("--{}: '{}' is not a finite number; write COLUMN=VALUE",
                                               option, part.substr(equals + 1)));
    given.columns.push_back(parse_column(option, part.substr(0, equals), model.column_names()));
    given.values.push_back(value);
  }
  check_column_list(given.columns, model.mixture.n_features, 1, "--" + option);
  return given;
}

}  // namespace gmmpi::app
