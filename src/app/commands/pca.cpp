// gmmpi pca, transform: principal components, and rows to them and back.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/column_doubts.hpp"
#include "app/commands.hpp"
#include "app/preparing.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/principal_components.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"
#include "gmmpi/io/transform_file.hpp"

namespace gmmpi::app {

namespace {

constexpr int kMostComponentsShown = 100;

void print_components(const Options& options, const ComponentRecord& r, Index n_rows,
                      const std::string& digest) {
  const std::string output = options.text("output");
  const int m = r.transform.n_outputs();
  std::vector<double> share = r.variance, together;
  for (double& value : share)
    together.push_back((together.empty() ? 0.0 : together.back()) + (value /= r.total_variance));
  if (options.flag("json")) {
    const nlohmann::ordered_json json{{"output", output},
                                      {"n_samples", n_rows},
                                      {"n_features", r.transform.n_inputs()},
                                      {"n_components", m},
                                      {"whitened", options.flag("whiten")},
                                      {"explained_variance", r.variance},
                                      {"explained_variance_ratio", share},
                                      {"cumulative_ratio", together},
                                      {"total_variance", r.total_variance},
                                      {"digest", digest}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("component      variance     share   together\n");
  for (int i = 0; i < std::min(m, kMostComponentsShown); ++i)
    say("{:9} {:13.7g} {:9.6f} {:10.6f}\n", i, r.variance[i], share[i], together[i]);
  if (m > kMostComponentsShown) say("... {} more (--json shows all)\n", m - kMostComponentsShown);
  say("{} of {} explain {:.6g}% of the variance{}\n", count_text(m, "principal component"),
      count_text(r.transform.n_inputs(), "column"), 100.0 * together.back(),
      options.flag("whiten") ? "; each is divided by its standard deviation" : "");
  say("digest {}\n", digest);
  say("written to {}; next: gmmpi transform {} {} -o scores.h5\n", output, options.arguments.at("DATA"),
      output);
}

/// How many components --n-components or --variance ask for: all that have variance, if neither does.
ComponentChoice component_choice(const Options& options) {
  const bool count = options.has("n-components"), share = options.has("variance");
  if (count && share) throw Error(ExitCode::usage, "--n-components and --variance: choose one");
  ComponentChoice choice;
  if (count) choice.count = static_cast<int>(options.integer("n-components", 1, 1'000'000));
  if (share) choice.share = options.number("variance", 0.0);
  if (!(choice.share > 0.0 && choice.share <= 1.0))
    throw Error(ExitCode::usage, "--variance " + options.text("variance") +
                                     " is out of range; give a share between 0 and 1, such as 0.99");
  return choice;
}

/// Names of the columns that come out: those of the data, or pc0, pc1 ... for components.
std::vector<std::string> transformed_names(const Transform& transform, bool inverse,
                                           const std::vector<std::string>& names) {
  if (inverse || transform.components.empty()) return names;
  std::vector<std::string> components;
  for (int i = 0; i < transform.n_outputs(); ++i) components.push_back(fmt::format("pc{}", i));
  return components;
}

}  // namespace

void pca_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string output = options.text("output");
  ComponentChoice choice;
  execution.comm.together([&] { choice = component_choice(options); });
  check_output(execution, options, output, true);  // what exists is looked at below
  OpenedData opened = open_inputs(execution, options);
  const std::int64_t bytes =
      principal_components_bytes(execution, opened.rows->n_rows(), opened.rows->n_columns());
  const InputData inputs = read_inputs(execution, options, std::move(opened), bytes);
  const Data& data = *inputs.rows;
  if (const std::string doubt = constant_doubt(data.summary(), *inputs.opened.rows);
      !doubt.empty() && execution.comm.is_root())
    note("gmmpi: warning: {}\n", doubt);
  const std::string request = request_text({{"command", "pca"},
                                            {"data", data.summary().fingerprint},
                                            {"n_components", std::to_string(choice.count)},
                                            {"variance", fmt::format("{}", choice.share)},
                                            {"whiten", options.text("whiten")}});
  if (already_written(execution, options, output, request)) return;
  const PrincipalComponents p = principal_components(execution, data);
  execution.comm.together([&] {
    ComponentRecord record;
    record.transform = chosen_components(p, choice, options.flag("whiten"), "n-components");
    if (!execution.comm.is_root()) return;
    record.variance.assign(p.variance.begin(), p.variance.begin() + record.transform.n_outputs());
    record.total_variance = p.total_variance;
    record.feature_names = inputs.opened.feature_names;
    record.options = {{"command", "pca"}, {"data", options.arguments.at("DATA")}};
    for (const char* name : {"n-components", "variance", "whiten", "sample-weight", "relative-weights"}) {
      std::string key = name;
      std::ranges::replace(key, '-', '_');
      if (options.has(name)) record.options[key] = options.text(name);
    }
    record.request = request;
    print_components(options, record, data.grid().n_rows(), write_components(output, record));
  });
}

void transform_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string output = options.text("output"), path = options.arguments.at("TRANSFORM");
  const bool inverse = options.flag("inverse");
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const Transform transform = read_transform(execution, path);
  const int n_columns = inverse ? transform.n_inputs() : transform.n_outputs();
  OpenedData opened = open_inputs(execution, options);
  transform_rows(execution, opened, transform,
                 inverse ? TransformedReader::Direction::invert : TransformedReader::Direction::apply, path);
  const InputData inputs = read_inputs(execution, options, std::move(opened), 0);
  const Data& data = *inputs.rows;
  const std::string request = request_text(
      {{"command", "transform"}, {"data", data.summary().fingerprint}, {"inverse", options.text("inverse")}},
      transform);
  if (already_written(execution, options, output, request)) return;
  const std::vector<std::string> names =
      transformed_names(transform, inverse, read_feature_names(execution, path, transform.n_inputs()));
  RowOutput file(execution.comm, output, data.grid().n_rows(),
                 {{"/X", OutputColumn::Type::f8, n_columns, 0, names}},
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  execution.comm.together([&] {
    data.for_each_block(execution, [&](const Block& block, int) {
      file.write(0, block.first_row, block.n_rows, std::get<const double*>(block.rows));
    });
  });
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{
        {"output", output}, {"n_samples", data.grid().n_rows()}, {"n_features", n_columns}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} of {} written to {}; next: gmmpi info {}\n", count_text(data.grid().n_rows(), "row"),
      count_text(n_columns, "column"), output, output);
}

}  // namespace gmmpi::app
