// gmmpi marginal, condition: models made from a model.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/columns.hpp"
#include "app/commands.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/inference/conditional.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"

namespace gmmpi::app {

namespace {

/// The part of DerivedModel::options that does not depend on the command.
std::map<std::string, std::string> origin(const Options& options, const std::string& option) {
  return {
      {"command", options.command}, {"model", options.arguments.at("MODEL")}, {option, options.text(option)}};
}

/// Collective. Writes the model that `make` returns, unless it is there already, and says so.
void write_result(const Execution& execution, const Options& options, const NamedModel& model,
                  const std::vector<int>& columns, const std::string& option,
                  const std::function<DerivedModel()>& make) {
  const std::string output = options.text("output");
  const std::string request =
      request_text(model.mixture, {{"command", options.command},
                                   {"option", options.text(option)},
                                   {"names", fmt::format("{}", fmt::join(model.feature_names, ","))}});
  if (already_written(execution, options, output, request)) return;
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    DerivedModel derived = make();
    derived.feature_names = model.names(columns);
    derived.options = origin(options, option);
    derived.request = request;
    const std::string digest = write_derived_model(output, derived);
    if (options.flag("json")) {
      nlohmann::ordered_json json{{"output", output}, {"columns", columns}};
      if (derived.log_density_given) json["log_density_given"] = *derived.log_density_given;
      json["digest"] = digest;
      say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
      return;
    }
    std::vector<std::string> names;
    for (const int column : columns) names.push_back(model.name(column));
    if (derived.log_density_given)
      say("log density of the given values {:.10g}\n", *derived.log_density_given);
    say("density of {} {} written to {}; next: gmmpi info {}\n", columns.size() == 1 ? "column" : "columns",
        fmt::join(names, ", "), output, output);
  });
}

}  // namespace

void marginal_command(const Execution& execution, const Options& options, StopRequest&) {
  check_output(execution, options, options.text("output"), true);  // what exists is looked at below
  const NamedModel model = read_named_model(execution, options.arguments.at("MODEL"));
  std::vector<int> keep;
  execution.comm.together([&] { keep = parse_columns(options, "keep", model.column_names(), 0); });
  write_result(execution, options, model, keep, "keep", [&] {
    return DerivedModel{marginal(model.mixture, keep, *execution.kernels), {}, {}, {}, {}};
  });
}

void condition_command(const Execution& execution, const Options& options, StopRequest&) {
  check_output(execution, options, options.text("output"), true);  // what exists is looked at below
  const NamedModel model = read_named_model(execution, options.arguments.at("MODEL"));
  GivenValues given;
  execution.comm.together([&] { given = parse_given(options, "given", model); });
  const std::vector<int> rest = other_columns(given.columns, model.mixture.n_features);
  write_result(execution, options, model, rest, "given", [&] {
    ConditionedMixture result = condition(model.mixture, given.columns, given.values, *execution.kernels);
    return DerivedModel{std::move(result.mixture), {}, result.log_density, {}, {}};
  });
}

}  // namespace gmmpi::app
