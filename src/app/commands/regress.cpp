// gmmpi regress: some columns from the others.
#include "gmmpi/inference/regress.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/inputs.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "data/binary.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

void regress_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const NamedModel model = read_named_model(execution, path);
  const int d = model.mixture.n_features;
  std::vector<int> targets;
  execution.comm.together([&] { targets = parse_columns(options, "target", model.column_names(), 1); });
  const int n_targets = static_cast<int>(targets.size());
  const RegressOptions what{options.flag("covariance"), options.flag("log-density")};
  std::vector<std::string> names;
  for (const int column : targets)
    names.push_back(model.feature_names.empty() ? fmt::format("x{}", column) : model.feature_names[column]);
  const std::vector<OutputColumn> columns = regress_columns(what, names);
  std::vector<OutputColumn> computed = columns;
  computed.push_back({"copies of the columns that are no targets", OutputColumn::Type::f8, 2 * d});
  const InputData inputs = read_inputs(execution, options, writing_bytes(execution, model.mixture, computed));
  const Data& data = *inputs.rows;
  if (data.n_columns() != d && data.n_columns() != d - n_targets)
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: {}, but the model {} has {}: give data with all of them, or with the {} that "
                    "are no targets, in the model's order",
                    options.arguments.at("DATA"), count_text(data.n_columns(), "column"), path, d,
                    d - n_targets));
  if (!model.mixture.component->has_covariances())
    require_binary(execution, data, options.arguments.at("DATA"));
  const std::string request =
      request_text(model.mixture, {{"command", "regress"},
                                   {"data", data.summary().fingerprint},
                                   {"target", fmt::format("{}", fmt::join(targets, ","))},
                                   {"covariance", options.text("covariance")},
                                   {"log_density", options.text("log-density")}});
  if (already_written(execution, options, output, request)) return;
  RowOutput file(execution.comm, output, data.grid().n_rows(), columns,
                 {{"filetype", "gmmpi-prediction"}, {"request", request}});
  regress(execution, data, model.mixture, targets, what, file);
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{
        {"output", output}, {"n_samples", data.grid().n_rows()}, {"targets", targets}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  std::vector<std::string> shown;
  for (const int column : targets) shown.push_back(model.name(column));
  say("mean and variance of {} {} in {} written to {}\n", n_targets == 1 ? "column" : "columns",
      fmt::join(shown, ", "), count_text(data.grid().n_rows(), "row"), written_text(output));
}

}  // namespace gmmpi::app
