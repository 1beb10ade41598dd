// gmmpi impute: missing entries from what a model expects of them.
#include "gmmpi/inference/impute.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/inputs.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kMostDraws = 10'000;

ImputeOptions impute_options(const Options& options) {
  ImputeOptions what;
  what.standard_deviation = options.flag("standard-deviation");
  if (options.has("draws")) what.n_draws = static_cast<int>(options.integer("draws", 1, kMostDraws));
  what.seed = static_cast<std::uint64_t>(options.integer("seed", 0));
  return what;
}

/// f4 where the file holds such; integers, which have no gaps, become f8.
OutputColumn::Type type_of(const DataReader& rows) {
  const bool is_f4 = rows.element() == ElementType::f4 && rows.stored() == OutputColumn::Type::f4;
  return is_f4 ? OutputColumn::Type::f4 : OutputColumn::Type::f8;
}

void print_imputation(const Options& options, const Data& data, const std::vector<OutputColumn>& columns,
                      const ImputeCounts& counts) {
  const std::string& output = options.text("output");
  if (options.flag("json")) {
    std::vector<std::string> datasets;
    for (const OutputColumn& column : columns) datasets.push_back(column.name);
    const nlohmann::ordered_json json{{"output", output},
                                      {"n_samples", data.grid().n_rows()},
                                      {"n_incomplete", counts.rows},
                                      {"n_imputed", counts.entries},
                                      {"datasets", datasets}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} of {} imputed, written to {}\n",
      counts.entries == 1 ? "1 entry" : fmt::format("{} entries", counts.entries),
      count_text(counts.rows, "incomplete row"), written_text(output));
}

}  // namespace

void impute_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  ImputeOptions what;
  execution.comm.together([&] { what = impute_options(options); });
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const NamedModel model = read_model_in_data_units(execution, path);
  OpenedData opened = open_inputs(execution, options);
  opened.missing = Missing::em;
  const OutputColumn::Type type = type_of(*opened.rows);
  const int d = model.mixture.n_features;
  std::vector<std::string> names = opened.feature_names.empty() ? model.feature_names : opened.feature_names;
  if (std::ssize(names) != d) names.clear();
  const std::vector<OutputColumn> columns = impute_columns(what, d, names, type);
  const InputData inputs =
      read_inputs(execution, options, std::move(opened), writing_bytes(execution, model.mixture, columns));
  const Data& data = *inputs.rows;
  check_rows(execution, options, data, model.mixture);
  const std::string request =
      request_text(model.mixture, {{"command", "impute"},
                                   {"data", data.summary().fingerprint},
                                   {"standard_deviation", what.standard_deviation ? "true" : "false"},
                                   {"draws", std::to_string(what.n_draws)},
                                   {"seed", std::to_string(what.n_draws > 0 ? what.seed : 0)}});
  if (already_written(execution, options, output, request)) return;
  RowOutput file(execution.comm, output, data.grid().n_rows(), columns,
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  const ImputeCounts counts = impute(execution, data, model.mixture, what, type, file);
  file.commit();
  if (execution.comm.is_root()) print_imputation(options, data, columns, counts);
}

}  // namespace gmmpi::app
