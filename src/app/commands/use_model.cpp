// gmmpi score, predict, sample: what a model is used for.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/predict.hpp"
#include "gmmpi/inference/sample.hpp"
#include "gmmpi/inference/score.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kMostSamples = std::int64_t{1} << 48;
constexpr std::int64_t kWorkingBytes = std::int64_t{32} << 20;

}  // namespace

void score_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL");
  const Mixture model = read_model(execution, path);
  const MemoryData data = read_inputs(execution, options, kWorkingBytes);
  check_columns(options, data, model.n_features);
  const Score s = score(execution, data, model);
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{{"n_samples", data.summary().n_rows},
                                      {"total_weight", data.summary().total_weight},
                                      {"log_likelihood", s.log_likelihood},
                                      {"mean_log_likelihood", s.mean_log_likelihood},
                                      {"n_parameters", model.n_parameters()},
                                      {"aic", s.aic},
                                      {"bic", s.bic},
                                      {"icl", s.icl}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("log-likelihood {:.10g} (mean per row {:.8g}, {})\n", s.log_likelihood, s.mean_log_likelihood,
      count_text(data.summary().n_rows, "row"));
  say("AIC {:.10g}   BIC {:.10g}   ICL {:.10g}   (lower is better; {} parameters)\n", s.aic, s.bic, s.icl,
      model.n_parameters());
}

void predict_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  check_output(execution, options, output, true);  // what exists is looked at below
  const Mixture model = read_model(execution, path);
  const MemoryData data = read_inputs(execution, options, kWorkingBytes);
  check_columns(options, data, model.n_features);
  const PredictOptions what{options.flag("responsibilities"), options.flag("log-density"),
                            options.flag("mahalanobis")};
  const std::string request = request_text(model, {{"command", "predict"},
                                                   {"data", data.summary().fingerprint},
                                                   {"responsibilities", options.text("responsibilities")},
                                                   {"log_density", options.text("log-density")},
                                                   {"mahalanobis", options.text("mahalanobis")}});
  if (already_written(execution, options, output, request)) return;
  RowOutput file(execution.comm, output, data.grid().n_rows(), predict_columns(what, model.n_components),
                 {{"filetype", "gmmpi-prediction"}, {"request", request}});
  const std::vector<Index> counts = predict(execution, data, model, what, file);
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{
        {"output", output}, {"n_samples", data.grid().n_rows()}, {"label_sizes", counts}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("rows per component: {}\nwritten to {}; next: gmmpi info {}\n", fmt::join(counts, " "), output, output);
}

void sample_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  Index n_rows = 0;
  std::uint64_t seed = 0;
  execution.comm.together([&] {
    n_rows = options.integer("n-samples", 1, kMostSamples);
    seed = static_cast<std::uint64_t>(options.integer("seed", 0));
  });
  check_output(execution, options, output, true);  // what exists is looked at below
  const Mixture model = read_model(execution, path);
  const std::string request = request_text(
      model, {{"command", "sample"}, {"n_samples", std::to_string(n_rows)}, {"seed", std::to_string(seed)}});
  if (already_written(execution, options, output, request)) return;
  RowOutput file(execution.comm, output, n_rows, sample_columns(model.n_features),
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  sample(execution, model, n_rows, seed, file);
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{
        {"output", output}, {"n_samples", n_rows}, {"n_features", model.n_features}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} of {} written to {}; next: gmmpi fit {} -k {} -o refit.h5\n", count_text(n_rows, "row"),
      count_text(model.n_features, "column"), output, output, model.n_components);
}

}  // namespace gmmpi::app
