// --sample-weight, --errors, --labels and --init-labels: columns of DATA, or files of their own.
#include "app/beside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "app/list_option.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/text_format.hpp"
#include "gmmpi/data/column_reader.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr std::size_t kMostClassesShown = 20;

/// What an option takes, and what one value of it is called.
struct Wanted {
  std::string option, dataset, one;
};

/// The column of DATA that the text names; -1: none, so it is a file.
int column_of(const std::string& text, const Wanted& wanted, const DataReader& data) {
  const std::vector<std::string>& names = data.feature_names();
  const std::vector<ListItem> items = split_list(text);
  const std::string name = items.size() == 1 && items[0].quoted ? items[0].text : text;
  const auto named = std::ranges::find(names, name);
  if (std::ranges::count(names, name) > 1)
    throw Error(ExitCode::usage,
                fmt::format("--{}: several columns of {} are named '{}'; give the column's number",
                            wanted.option, data.name(), name));
  if (named != names.end()) return static_cast<int>(named - names.begin());
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 && number < data.n_columns())
    return number;
  const bool may_be_file =
      text.find_first_of("./:") != std::string::npos || ::access(text.c_str(), F_OK) == 0;
  if (may_be_file) return -1;
  throw Error(
      ExitCode::no_input,
      fmt::format("--{}: {} is neither a column of {} nor a file; {}", wanted.option, text, data.name(),
                  names.empty()
                      ? fmt::format("give one of the columns 0 to {}, or a file", data.n_columns() - 1)
                      : fmt::format("the columns are {}", fmt::join(names, ", "))));
}

/// Collective. A file with one value per row. Text has no header that can be told from a first row; where
/// there is one line more than rows, the first is a header.
std::unique_ptr<DataReader> open_file(const Execution& execution, const Options& options,
                                      const Wanted& wanted, Index n_rows) {
  const std::string spec = options.text(wanted.option);
  TextFormat format = text_format_beside(options);
  auto reader = open_column(execution.comm, spec, wanted.dataset, wanted.one + "s", format);
  if (reader->n_rows() == n_rows + 1 && reader->storage().is_text && reader->feature_names().empty()) {
    format.header = TextFormat::Header::yes;
    reader = open_column(execution.comm, spec, wanted.dataset, wanted.one + "s", format);
  }
  if (reader->n_rows() == n_rows) {
    tell(execution.comm, *reader);
    return reader;
  }
  throw Error(ExitCode::bad_data,
              fmt::format("--{} {}: {} {}s for {} rows; give one {} per row", wanted.option, spec,
                          reader->n_rows(), wanted.one, n_rows, wanted.one));
}

/// A table with a column to be taken from it, and what to call that in messages.
struct Place {
  std::unique_ptr<DataReader> table{};
  int column = 0;
  std::string name{};
};

/// Collective.
Place locate(const Execution& execution, const Options& options, const Wanted& wanted, const DataReader& data,
             std::vector<int>& taken) {
  std::int64_t column = -1;
  execution.comm.together([&] {
    if (execution.comm.is_root()) column = column_of(options.text(wanted.option), wanted, data);
  });
  execution.comm.max(std::span(&column, 1));
  if (column < 0) {
    Place place{open_file(execution, options, wanted, data.n_rows())};
    place.name = place.table->name();
    return place;
  }
  const int j = static_cast<int>(column);
  taken.push_back(j);
  const std::string name = data.name() + ", " + data.column_text(j);
  if (execution.comm.is_root()) note("{}s: {}, which is no feature\n", wanted.one, name);
  return {open_data(execution.comm, options.arguments.at("DATA"), "/X", text_format(options)), j, name};
}

/// Collective. Labels, whose classes are told where they are text.
LabelColumn locate_labels(const Execution& execution, const Options& options, const Wanted& wanted,
                          const DataReader& data, std::vector<int>& taken) {
  Place place = locate(execution, options, wanted, data, taken);
  LabelColumn labels = as_labels(execution.comm, std::move(place.table), place.column, place.name);
  const std::vector<std::string>& classes = labels.classes;
  if (classes.empty() || !execution.comm.is_root()) return labels;
  const std::size_t shown = std::min(classes.size(), kMostClassesShown);
  note("classes of {}: {}{}\n", place.name,
       fmt::join(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
       shown < classes.size() ? fmt::format(", ... ({})", classes.size()) : "");
  return labels;
}

/// The columns of DATA that --errors lists; none: it is a file.
std::vector<std::int64_t> error_columns(const std::string& text, const DataReader& data) {
  const Wanted wanted{"errors", "/errors", "error"};
  const std::vector<ListItem> items = split_list(text);
  if (items.size() == 1 || ::access(text.c_str(), F_OK) == 0) {
    const int column = column_of(text, wanted, data);
    return column < 0 ? std::vector<std::int64_t>{} : std::vector<std::int64_t>{column};
  }
  std::vector<std::int64_t> columns;
  for (const ListItem& item : items) {
    columns.push_back(column_of(item.text, wanted, data));
    if (columns.back() < 0)
      throw Error(ExitCode::usage, "--errors: " + item.text + " is no column of " + data.name() +
                                       "; list columns of the data, or give one file");
  }
  return columns;
}

/// Collective.
std::unique_ptr<DataReader> locate_errors(const Execution& execution, const Options& options,
                                          const DataReader& data, std::vector<int>& taken) {
  const Communicator& comm = execution.comm;
  const std::string text = options.text("errors");
  std::vector<std::int64_t> columns;
  comm.together([&] {
    if (comm.is_root()) columns = error_columns(text, data);
  });
  columns = comm.all_gather(std::span<const std::int64_t>(columns));
  std::unique_ptr<DataReader> table;
  if (columns.empty()) {
    table = open_array(comm, text, "/errors", text_format_beside(options), 3);
    tell(comm, *table);
  } else {
    taken.insert(taken.end(), columns.begin(), columns.end());
    std::vector<std::string> names;
    for (const std::int64_t j : columns) names.push_back(data.column_text(static_cast<int>(j)));
    if (comm.is_root())
      note("errors: {} of {}, which {} no {}\n", fmt::join(names, ", "), data.name(),
           names.size() == 1 ? "is" : "are", names.size() == 1 ? "feature" : "features");
    table = std::make_unique<ColumnReader>(
        open_data(comm, options.arguments.at("DATA"), "/X", text_format(options)),
        std::vector<int>(columns.begin(), columns.end()),
        fmt::format("{}, {}", data.name(), fmt::join(names, ", ")));
  }
  comm.together([&] {
    if (table->n_rows() != data.n_rows())
      throw Error(ExitCode::bad_data, fmt::format("--errors {}: {} rows of errors for {} rows; give as many",
                                                  text, table->n_rows(), data.n_rows()));
  });
  return table;
}

}  // namespace

std::unique_ptr<DataReader> errors_of_columns(std::unique_ptr<DataReader> errors,
                                              const std::vector<int>& chosen,
                                              const std::vector<int>& offered) {
  const Index d = std::ssize(chosen), all = std::ssize(offered), n = errors->n_columns();
  const std::vector<Index> shape = errors->shape();
  const bool is_stack = shape.size() == 3;
  const auto fits = [&](Index c) {
    return is_stack ? c > 1 && shape[1] == c && shape[2] == c : n == c || n == c * c;
  };
  if (!fits(all) && fits(d)) return errors;
  const std::string numbers =
      is_stack ? fmt::format("{} x {} numbers", shape[1], shape[2]) : count_text(n, "number");
  if (!fits(all) || (is_stack && d == 1))
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: errors of {} a row for {}; give {}", errors->name(), numbers,
                    count_text(d, "column"),
                    d == 1 ? "one standard deviation"
                           : fmt::format("{} standard deviations, or covariances of {} x {}", d, d, d)));
  if (all != d && fits(d))
    throw Error(ExitCode::bad_data,
                fmt::format("{}: errors of {} a row may be those of {} columns or of the {} chosen ones; "
                            "give those of the chosen ones, covariances as (N, {}, {})",
                            errors->name(), numbers, all, d, d, d));
  if (chosen == offered) return errors;
  std::vector<int> places;
  for (const int column : chosen)
    places.push_back(static_cast<int>(std::ranges::find(offered, column) - offered.begin()));
  if (n != all) {  // covariances
    std::vector<int> entries;
    for (const int i : places)
      for (const int j : places) entries.push_back(static_cast<int>(i * all + j));
    places = std::move(entries);
  }
  return std::make_unique<ColumnReader>(std::move(errors), std::move(places));
}

BesideRows open_beside(const Execution& execution, const Options& options, const DataReader& data) {
  BesideRows beside;
  if (options.has("sample-weight")) {
    Place place =
        locate(execution, options, {"sample-weight", "/sample_weight", "sample weight"}, data, beside.taken);
    beside.weights = std::move(place.table);
    if (beside.weights->n_columns() > 1)
      beside.weights =
          std::make_unique<ColumnReader>(std::move(beside.weights), std::vector{place.column}, place.name);
  }
  const std::size_t n_taken = beside.taken.size();
  if (options.has("errors")) beside.errors = locate_errors(execution, options, data, beside.taken);
  const bool listed = beside.taken.size() > n_taken;
  if (options.has("labels"))
    beside.labels = locate_labels(execution, options, {"labels", "/labels", "label"}, data, beside.taken);
  if (options.has("init-labels"))
    beside.init_labels =
        locate_labels(execution, options, {"init-labels", "/labels", "label"}, data, beside.taken);
  if (!listed)
    for (int j = 0; j < data.n_columns(); ++j)
      if (std::ranges::find(beside.taken, j) == beside.taken.end()) beside.error_columns.push_back(j);
  return beside;
}

}  // namespace gmmpi::app
