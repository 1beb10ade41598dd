// Parsing of columns and of columns with values.
#include "app/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

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

int parse_column(const std::string& option, const std::string& text, const NamedModel& model) {
  const auto named = std::ranges::find(model.feature_names, text);
  int column = 0;
  if (parse_number(text, column)) return column;
  if (named != model.feature_names.end()) return static_cast<int>(named - model.feature_names.begin());
  throw Error(ExitCode::usage,
              fmt::format("--{}: no column is named '{}'; {}", option, text,
                          model.feature_names.empty()
                              ? fmt::format("the model stores no names, give numbers from 0 to {}",
                                            model.mixture.n_features - 1)
                              : fmt::format("choose from {}", fmt::join(model.feature_names, ", "))));
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

std::vector<int> parse_columns(const Options& options, const std::string& option, const NamedModel& model,
                               int n_left) {
  std::vector<int> columns;
  for (const std::string& part : split(options.text(option)))
    columns.push_back(parse_column(option, part, model));
  check_column_list(columns, model.mixture.n_features, n_left, "--" + option);
  return columns;
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
    given.columns.push_back(parse_column(option, part.substr(0, equals), model));
    given.values.push_back(value);
  }
  check_column_list(given.columns, model.mixture.n_features, 1, "--" + option);
  return given;
}

}  // namespace gmmpi::app
