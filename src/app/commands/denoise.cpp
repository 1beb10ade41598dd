// gmmpi denoise: true values of noisy rows from what a model expects of them.
#include "gmmpi/inference/denoise.hpp"

#include <nlohmann/json.hpp>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/inputs.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

void denoise_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  const bool deviations = options.flag("standard-deviation");
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const NamedModel model = read_model_in_data_units(execution, path);
  const Mixture& mixture = model.mixture;
  OpenedData opened = open_inputs(execution, options);
  opened.missing = Missing::em;
  std::vector<std::string> names = opened.feature_names.empty() ? model.feature_names : opened.feature_names;
  if (std::ssize(names) != mixture.n_features) names.clear();
  const std::vector<OutputColumn> columns = denoise_columns(deviations, mixture.n_features, names);
  const InputData inputs =
      read_inputs(execution, options, std::move(opened), writing_bytes(execution, mixture, columns));
  const Data& data = *inputs.rows;
  check_rows(execution, options, data, mixture);
  const std::string request = request_text(mixture, {{"command", "denoise"},
                                                     {"data", data.summary().fingerprint},
                                                     {"standard_deviation", deviations ? "true" : "false"}});
  if (already_written(execution, options, output, request)) return;
  RowOutput file(execution.comm, output, data.grid().n_rows(), columns,
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  denoise(execution, data, mixture, deviations, file);
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{{"output", output},
                                      {"n_samples", data.grid().n_rows()},
                                      {"datasets", {columns[0].name, columns[1].name}}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} denoised, written to {}\n", count_text(data.grid().n_rows(), "row"), written_text(output));
}

}  // namespace gmmpi::app
