// gmmpi score, predict, sample: what a model is used for.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/inputs.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/true_labels.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/outliers.hpp"
#include "gmmpi/inference/predict.hpp"
#include "gmmpi/inference/sample.hpp"
#include "gmmpi/inference/score.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

namespace {

constexpr std::int64_t kMostSamples = std::int64_t{1} << 48;

/// `score -o`: ln p(x) of each row. Collective.
void write_log_densities(const Execution& execution, const Options& options, const Data& data,
                         const StoredModel& stored) {
  const Mixture& model = stored.mixture;
  const std::string output = options.text("output");
  const std::string request =
      request_text(model, {{"command", "score"}, {"data", data.summary().fingerprint}}, stored.transform);
  if (already_written(execution, options, output, request)) return;
  const PredictOptions what{.labels = false, .log_density = true};
  RowOutput file(execution.comm, output, data.grid().n_rows(), predict_columns(what, model),
                 {{"filetype", "gmmpi-prediction"}, {"request", request}});
  predict(execution, data, model, what, file);
  file.commit();
}

/// What `--outliers Q --outlier-rule RULE` says.
struct OutlierChoice {
  OutlierRule rule = OutlierRule::data;
  double q = 0.0;
};

std::optional<OutlierChoice> outlier_choice(const Options& options) {
  static const std::map<std::string, OutlierRule> rules{
      {"data", OutlierRule::data}, {"model", OutlierRule::model}, {"chi2", OutlierRule::chi2}};
  const std::string rule = options.choice("outlier-rule", {"data", "model", "chi2"});
  if (!options.has("outliers")) return std::nullopt;
  const OutlierChoice choice{rules.at(rule), options.number("outliers", 0.0)};
  if (!(choice.q > 0.0 && choice.q < 1.0))
    throw Error(ExitCode::usage, "--outliers " + options.text("outliers") +
                                     " is out of range; it must lie between 0 and 1, such as 0.01");
  if (choice.rule == OutlierRule::model && choice.q < kLeastModelQuantile)
    throw Error(ExitCode::usage,
                fmt::format("--outliers {}: --outlier-rule model cannot resolve less than {}; "
                            "choose --outlier-rule chi2",
                            options.text("outliers"), kLeastModelQuantile));
  return choice;
}

/// Bernoulli components have no ellipsoids.
void check_distances(const Options& options, const Mixture& model) {
  if (!model.component->is_binary()) return;
  const bool chi2 = options.has("outliers") && options.text("outlier-rule") == "chi2";
  if (chi2 || options.flag("mahalanobis"))
    throw Error(ExitCode::usage,
                fmt::format("{}: {} is a Bernoulli mixture, which has no Mahalanobis distances; leave it out",
                            chi2 ? "--outlier-rule chi2" : "--mahalanobis", options.arguments.at("MODEL")));
}

/// "setosa 50", where the classes have names.
std::vector<std::string> count_texts(const std::vector<Index>& counts,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (std::size_t k = 0; k < counts.size(); ++k)
    texts.push_back(k < names.size() ? fmt::format("{} {}", names[k], counts[k]) : std::to_string(counts[k]));
  return texts;
}

bool differ(const std::vector<double>& values) {
  return std::ranges::adjacent_find(values, std::ranges::not_equal_to()) != values.end();
}

void print_prediction(const Options& options, const std::string& output, Index n_rows, bool has_noise,
                      const PredictOptions& what, const PredictCounts& counts,
                      const std::vector<std::string>& class_names) {
  if (options.flag("json")) {
    nlohmann::ordered_json json{{"output", output}, {"n_samples", n_rows}, {"label_sizes", counts.labels}};
    if (!class_names.empty()) json["class_names"] = class_names;
    if (has_noise) json["n_noise"] = counts.noise;
    if (what.outliers) {
      json["n_outliers"] = counts.outliers;
      json["outlier_threshold"] = what.outliers->threshold;
    }
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("rows per component: {}{}\n",
      fmt::join(count_texts(counts.labels, class_names), class_names.empty() ? " " : ", "),
      has_noise ? fmt::format("; noise: {}", counts.noise) : "");
  if (what.outliers)
    say("outliers: {} ({} {:.8g}{})\n", count_text(counts.outliers, "row"),
        what.outliers->rule == OutlierRule::chi2 ? "squared distances above" : "log density below",
        what.outliers->threshold, differ(what.outliers->distances) ? ", less for some components" : "");
  say("written to {}\n", written_text(output));
}

}  // namespace

void score_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL");
  if (options.has("output"))
    check_output(execution, options, options.text("output"), true,
                 OutputKind::rows);  // what exists is looked at below
  const StoredModel stored = read_stored_model(execution, path);
  const Mixture& model = stored.mixture;
  const InputData inputs = read_inputs(
      execution, options, writing_bytes(execution, model, predict_columns({}, model)), 0, stored.transform);
  const Data& data = *inputs.rows;
  check_rows(execution, options, data, model);
  if (options.has("output")) write_log_densities(execution, options, data, stored);
  const Score s = score(execution, data, model);
  std::optional<TrueLabels> labels;
  if (inputs.opened.labels) labels.emplace(execution, inputs);
  const Agreement agreement = labels ? labels->of(execution, model) : Agreement{};
  if (!execution.comm.is_root()) return;
  if (const std::string text = warning_of_weights(inputs.opened, data.summary()); !text.empty())
    note("gmmpi: warning: {}\n", text);
  if (options.flag("json")) {
    nlohmann::ordered_json json{{"n_samples", data.summary().n_rows},
                                {"total_weight", data.summary().total_weight},
                                {"log_likelihood", s.log_likelihood},
                                {"mean_log_likelihood", s.mean_log_likelihood},
                                {"n_parameters", model.n_parameters()},
                                {"aic", s.aic},
                                {"bic", s.bic},
                                {"icl", s.icl}};
    if (labels) json["labels"] = TrueLabels::json(agreement);
    if (s.inertia) json["inertia"] = *s.inertia;
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  if (s.inertia)
    say("inertia {:.10g} (k-means: squared distances to the nearest centre{})\n", *s.inertia,
        stored.transform.empty() ? "" : ", in the columns that the fit has made");
  say("log-likelihood {:.10g} (mean per row {:.8g}, {})\n", s.log_likelihood, s.mean_log_likelihood,
      count_text(data.summary().n_rows, "row"));
  say("AIC {:.10g}   BIC {:.10g}   ICL {:.10g}   (lower is better; {} parameters)\n", s.aic, s.bic, s.icl,
      model.n_parameters());
  if (labels)
    say("labels {}: {}   ({})\n", options.text("labels"), TrueLabels::text(agreement), labels->rows_text());
  if (options.has("output")) say("log densities in {}\n", options.text("output"));
  say("next: gmmpi predict {} {}{} -o labels.h5\n", options.arguments.at("DATA"), path,
      how_rows_are_taken(options));
}

void predict_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  std::optional<OutlierChoice> outliers;
  execution.comm.together([&] { outliers = outlier_choice(options); });
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const StoredModel stored = read_stored_model(execution, path);
  const Mixture& model = stored.mixture;
  check_distances(options, model);
  PredictOptions what{.responsibilities = options.flag("responsibilities"),
                      .log_density = options.flag("log-density"),
                      .mahalanobis = options.flag("mahalanobis")};
  if (outliers) what.outliers = OutlierTest{outliers->rule};
  const std::vector<OutputColumn> columns = predict_columns(what, model);
  const bool keeps_densities = outliers && outliers->rule == OutlierRule::data;
  const InputData inputs = read_inputs(execution, options, writing_bytes(execution, model, columns),
                                       keeps_densities ? 8 : 0, stored.transform);
  const Data& data = *inputs.rows;
  check_rows(execution, options, data, model);
  std::map<std::string, std::string> facts{{"command", "predict"},
                                           {"data", data.summary().fingerprint},
                                           {"responsibilities", options.text("responsibilities")},
                                           {"log_density", options.text("log-density")},
                                           {"mahalanobis", options.text("mahalanobis")}};
  if (outliers) facts["outliers"] = fmt::format("{} {}", options.text("outlier-rule"), outliers->q);
  const std::string request = request_text(model, facts, stored.transform);
  if (already_written(execution, options, output, request)) return;

  std::vector<Attribute> attributes{{"filetype", "gmmpi-prediction"}, {"request", request}};
  if (outliers) {
    what.outliers = outlier_test(execution, data, model, outliers->rule, outliers->q);
    attributes.insert(attributes.end(), {{"outlier_rule", options.text("outlier-rule")},
                                         {"outlier_quantile", outliers->q},
                                         {"outlier_threshold", what.outliers->threshold}});
  }
  RowOutput file(execution.comm, output, data.grid().n_rows(), columns, attributes);
  const PredictCounts counts = predict(execution, data, model, what, file);
  file.commit();
  const std::vector<std::string> class_names = read_class_names(execution, path);
  if (execution.comm.is_root())
    print_prediction(options, output, data.grid().n_rows(), model.noise.has_value(), what, counts,
                     class_names);
}

void sample_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path = options.arguments.at("MODEL"), output = options.text("output");
  Index n_rows = 0;
  std::uint64_t seed = 0;
  execution.comm.together([&] {
    n_rows = options.integer("n-samples", 1, kMostSamples);
    seed = static_cast<std::uint64_t>(options.integer("seed", 0));
  });
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  const StoredModel stored = read_stored_model(execution, path);
  const Mixture& model = stored.mixture;
  const std::string request = request_text(
      model, {{"command", "sample"}, {"n_samples", std::to_string(n_rows)}, {"seed", std::to_string(seed)}},
      stored.transform);
  if (already_written(execution, options, output, request)) return;
  const std::vector<std::string> names = read_feature_names(execution, path, stored.n_columns());
  RowOutput file(execution.comm, output, n_rows, sample_columns(stored.n_columns(), names),
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  sample(execution, model, n_rows, seed, file, stored.transform);
  file.commit();
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    const nlohmann::ordered_json json{
        {"output", output}, {"n_samples", n_rows}, {"n_features", stored.n_columns()}};
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} of {} written to {}; {}\n", count_text(n_rows, "row"), count_text(stored.n_columns(), "column"),
      output, next_fit_text(output, stored.n_columns(), model.n_components, "refit.h5"));
}

}  // namespace gmmpi::app
