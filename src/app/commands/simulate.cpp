// gmmpi simulate: a random mixture, rows drawn from it with their labels, and the truth as a model file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/commands.hpp"
#include "app/fitting.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/noisy_sample.hpp"
#include "gmmpi/inference/sample.hpp"
#include "gmmpi/inference/simulate.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/row_output.hpp"

namespace gmmpi::app {

namespace {

constexpr Index kMostSamples = Index{1} << 50;
constexpr int kMostComponents = 1'000'000, kMostFeatures = 10'000;

RandomMixture parse(const Options& o) {
  RandomMixture w;
  w.n_components = static_cast<int>(o.integer("n-components", 1, kMostComponents));
  w.n_features = static_cast<int>(o.integer("n-features", 1, kMostFeatures));
  w.structure = &structure_named(o.text("covariance-type"));
  w.separation = o.number("separation", 0.0);
  w.concentration = static_cast<int>(o.integer("concentration", 1, 1'000'000));
  w.seed = static_cast<std::uint64_t>(o.integer("seed", 0));
  return w;
}

/// What --errors says, LOW:HIGH or one number for both; none without it.
std::optional<ErrorRange> parse_errors(const Options& o) {
  if (!o.has("errors")) return std::nullopt;
  const std::string text = o.text("errors");
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto number = [&](std::string_view part) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error == std::errc() && end == part.data() + part.size()) return value;
    throw Error(ExitCode::usage, "--errors: '" + text +
                                     "' is no range of standard deviations; write LOW:HIGH, such "
                                     "as 0.1:0.5, or one number");
  };
  const double least = number(std::string_view(text).substr(0, colon));
  return ErrorRange{least, colon == text.size() ? least : number(std::string_view(text).substr(colon + 1))};
}

std::string drawn_request(const Mixture& mixture, const RandomMixture& wanted,
                          const std::optional<ErrorRange>& errors, Index n_rows) {
  std::map<std::string, std::string> facts{
      {"command", "simulate"}, {"n_samples", std::to_string(n_rows)}, {"seed", std::to_string(wanted.seed)}};
  if (errors) facts["errors"] = fmt::format("{}:{}", errors->least, errors->largest);
  return request_text(mixture, facts);
}

/// Collective.
void write_rows(const Execution& execution, const std::string& path, const RandomMixture& wanted,
                const Mixture& mixture, const std::optional<ErrorRange>& errors, Index n_rows,
                const std::string& request) {
  const int d = mixture.n_features;
  RowOutput file(execution.comm, path, n_rows, errors ? noisy_sample_columns(d) : sample_columns(d),
                 {{"filetype", "gmmpi-data"}, {"request", request}});
  if (errors)
    noisy_sample(execution, mixture, n_rows, wanted.seed, *errors, file);
  else
    sample(execution, mixture, n_rows, wanted.seed, file);
  file.commit();
}

void write_truth(const Execution& execution, const std::string& path, const RandomMixture& wanted,
                 const Mixture& mixture, const std::string& request) {
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    write_derived_model(path, {mixture,
                               {},
                               std::nullopt,
                               {{"command", "simulate"},
                                {"separation", fmt::format("{}", wanted.separation)},
                                {"concentration", std::to_string(wanted.concentration)},
                                {"seed", std::to_string(wanted.seed)}},
                               request});
  });
}

}  // namespace

void simulate_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string output = options.text("output"), truth = options.text("model");
  RandomMixture wanted;
  std::optional<ErrorRange> errors;
  Index n_rows = 0;
  execution.comm.together([&] {
    wanted = parse(options);
    errors = parse_errors(options);
    n_rows = options.integer("n-samples", 1, kMostSamples);
    if (truth == output)
      throw Error(ExitCode::cannot_create, "--model " + truth + ": is the output; choose another file");
  });
  check_output(execution, options, output, true, OutputKind::rows);  // what exists is looked at below
  if (!truth.empty()) check_output(execution, options, truth, true);
  const Mixture mixture = random_mixture(wanted, *execution.kernels);
  const std::string request = drawn_request(mixture, wanted, errors, n_rows);
  if (!already_written(execution, options, output, request))
    write_rows(execution, output, wanted, mixture, errors, n_rows, request);
  if (!truth.empty() && !already_written(execution, options, truth, request))
    write_truth(execution, truth, wanted, mixture, request);
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    nlohmann::ordered_json json{{"output", output},
                                {"n_samples", n_rows},
                                {"n_features", mixture.n_features},
                                {"n_components", mixture.n_components},
                                {"weights", mixture.weights}};
    if (!truth.empty()) json["model"] = truth;
    say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  say("{} of {} from {} written to {}{}\n", count_text(n_rows, "row"),
      count_text(mixture.n_features, "column"), count_text(mixture.n_components, "component"), output,
      truth.empty() ? "" : ", the truth to " + truth);
  say("{}{}\n",
      next_fit_text(output, mixture.n_features, mixture.n_components, "fitted.h5", errors.has_value()),
      truth.empty() ? ""
                    : ", then gmmpi compare " + truth + " fitted.h5" +
                          (output.ends_with(".csv") ? "" : " --data " + output));
}

}  // namespace gmmpi::app
