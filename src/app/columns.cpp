// Parsing of columns and of columns with values.
#include "app/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "app/fitting.hpp"
#include "app/list_option.hpp"
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

int parse_column(const std::string& option, const ListItem& item, const ColumnNames& columns) {
  const std::string& text = item.text;
  int column = 0;
  if (!item.quoted && parse_number(text, column)) return column;
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

NamedModel read_model_in_data_units(const Execution& execution, const std::string& path) {
  const StoredModel stored = read_stored_model(execution, path);
  NamedModel model{stored.transform.empty() ? stored.mixture : in_data_units(execution, stored, path), {}};
  model.feature_names = read_feature_names(execution, path, model.mixture.n_features);
  return model;
}

NamedModel read_named_model(const Execution& execution, const std::string& path) {
  NamedModel model{read_model(execution, path), {}};
  model.feature_names = read_feature_names(execution, path, model.mixture.n_features);
  return model;
}

std::vector<int> parse_columns(const Options& options, const std::string& option, const ColumnNames& known,
                               int n_left) {
  std::vector<int> columns;
  for (const ListItem& part : split_list(options.text(option)))
    columns.push_back(parse_column(option, part, known));
  check_column_list(columns, known.n_columns, n_left, "--" + option);
  return columns;
}

namespace {

/// The file whose columns the rows must have, as far as the options tell.
std::optional<std::string> path_of_model(const Options& options) {
  if (options.has("inverse") && options.flag("inverse")) return std::nullopt;  // the rows are components
  for (const char* argument : {"MODEL", "TRANSFORM"})
    if (const auto path = options.arguments.find(argument); path != options.arguments.end())
      return path->second;
  return start_path(options);
}

/// Lists of columns that the command can use: those of its model, or, to regress, those that are no targets.
std::vector<ColumnNames> usable_columns(const Execution& execution, const Options& options) {
  const std::optional<std::string> path = path_of_model(options);
  if (!path) return {};
  ColumnNames all{read_feature_names(execution, *path), 0, *path};
  all.n_columns = static_cast<int>(all.names.size());
  if (all.names.empty()) return {};
  std::vector<ColumnNames> usable{all};
  if (!options.has("target")) return usable;
  execution.comm.together([&] {
    ColumnNames rest{{}, 0, *path};
    for (const int column : other_columns(parse_columns(options, "target", all, 1), all.n_columns))
      rest.names.push_back(all.names[column]);
    usable.push_back(rest);
  });
  return usable;
}

/// The list that is decided about: one that is found, else the longest that is not too long.
const ColumnNames& best_of(const std::vector<ColumnNames>& usable, const ColumnNames& there) {
  for (const ColumnNames& wanted : usable)
    if (const NameRelation relation = match_names(wanted.names, there.names).relation;
        relation == NameRelation::same || relation == NameRelation::found)
      return wanted;
  for (const ColumnNames& wanted : usable)
    if (wanted.names.size() <= there.names.size()) return wanted;
  return usable.back();
}

std::vector<int> indices(int n) {
  std::vector<int> all(n);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The places among `there`, which --columns has chosen (`asked`) or which are all columns of DATA, of those
/// that the command's model takes; empty: all in their order.
std::vector<int> places_for_model(const Execution& execution, const Options& options,
                                  const ColumnNames& there, bool asked) {
  if (there.names.empty()) return {};
  const std::vector<ColumnNames> usable = usable_columns(execution, options);
  if (usable.empty()) return {};
  const ColumnNames& wanted = best_of(usable, there);
  if (!asked) {
    std::vector<int> places = places_of(execution.comm, wanted, there, "--columns chooses, in that order");
    if (start_path(options) && !places.empty() && execution.comm.is_root())
      note("columns: {}, as in the start {}\n", name_list(wanted.names), wanted.owner);
    return places;
  }
  NameMatch match = match_names(wanted.names, there.names);
  if (match.relation == NameRelation::foreign || match.relation == NameRelation::contradict)
    warn_of_order(execution.comm, wanted, there, "as --columns says");
  return std::move(match.places);
}

std::vector<std::string> chosen_names(const std::vector<std::string>& names,
                                      const std::vector<int>& columns) {
  std::vector<std::string> chosen;
  for (const int column : columns)
    if (!names.empty()) chosen.push_back(names[column]);
  return chosen;
}

/// The columns that a table offers by itself, and a line about what it leaves out; mostly all.
std::vector<int> columns_offered(const Execution& execution, const DataReader& rows) {
  const std::vector<int>& columns = rows.usual_columns();
  if (columns.empty() || std::ssize(columns) == rows.n_columns()) return indices(rows.n_columns());
  std::vector<std::string> taken, left;
  for (int i = 0; i < rows.n_columns(); ++i)
    (std::ranges::binary_search(columns, i) ? taken : left).push_back(rows.feature_names()[i]);
  if (execution.comm.is_root())
    note("gmmpi: note: {}: the columns {} are taken, not {}; --columns chooses\n", rows.name(),
         fmt::join(taken, ", "), fmt::join(left, ", "));
  return columns;
}

}  // namespace

ChosenColumns choose_columns(const Execution& execution, const Options& options,
                             std::unique_ptr<DataReader> rows, const std::vector<int>& taken) {
  const ColumnNames all{rows->feature_names(), rows->n_columns(), rows->name()};
  std::vector<int> columns = indices(rows->n_columns());
  const auto is_taken = [&](int column) { return std::ranges::find(taken, column) != taken.end(); };
  const bool asked = options.has("columns");
  execution.comm.together([&] {
    if (asked) columns = parse_columns(options, "columns", all, 0);
    if (const auto both = std::ranges::find_if(columns, is_taken); asked && both != columns.end())
      throw Error(ExitCode::usage,
                  fmt::format("--columns: {} is what --labels, --sample-weight or --errors takes, and no "
                              "feature; leave it out",
                              rows->column_text(*both)));
    std::erase_if(columns, is_taken);
    if (columns.empty())
      throw Error(
          ExitCode::usage,
          fmt::format("{}: no column is left beside what --labels, --sample-weight or --errors takes; "
                      "give a table with more",
                      rows->name()));
  });
  const ColumnNames there{chosen_names(all.names, columns), static_cast<int>(columns.size()), all.owner};
  const std::vector<int> places = places_for_model(execution, options, there, asked);
  if (!places.empty()) {
    std::vector<int> in_order;
    for (const int place : places) in_order.push_back(columns[place]);
    columns = std::move(in_order);
  } else if (!asked) {
    columns = columns_offered(execution, *rows);
    std::erase_if(columns, is_taken);
  }
  if (columns != indices(rows->n_columns()))
    rows = std::make_unique<ColumnReader>(std::move(rows), std::vector(columns));
  return {std::move(rows), std::move(columns)};
}

GivenValues parse_given(const Options& options, const std::string& option, const NamedModel& model) {
  GivenValues given;
  for (const ListItem& item : split_list(options.text(option))) {
    const std::string& part = item.text;
    const std::size_t equals = part.rfind('=');
    if (equals == std::string::npos)
      throw Error(ExitCode::usage,
                  fmt::format("--{}: '{}' has no value; write COLUMN=VALUE, such as 0=1.5", option, part));
    double value = 0.0;
    if (!parse_number(part.substr(equals + 1), value) || !std::isfinite(value))
      throw Error(ExitCode::usage, fmt::format("--{}: '{}' is not a finite number; write COLUMN=VALUE",
                                               option, part.substr(equals + 1)));
    given.columns.push_back(
        parse_column(option, {part.substr(0, equals), item.quoted}, model.column_names()));
    given.values.push_back(value);
  }
  check_column_list(given.columns, model.mixture.n_features, 1, "--" + option);
  return given;
}

}  // namespace gmmpi::app
