// gmmpi compare: two models of the same columns.
#include "gmmpi/inference/compare.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/inputs.hpp"
#include "app/name_match.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/true_labels.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/conditional.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"

namespace gmmpi::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr Index kMostSamples = Index{1} << 48;

struct Result {
  std::vector<ComponentMatch> matches;
  std::vector<int> unmatched_a, unmatched_b;
  MonteCarlo kl_ab, kl_ba;
  double rand_index = 0.0;
  Index n_labelled = 0;                 ///< rows that rand_index is of
  std::optional<Agreement> of_a, of_b;  ///< with --labels
  std::string labelled;                 ///< whose labels, and how many rows have one
};

std::vector<int> unmatched(const std::vector<ComponentMatch>& matches, int K, int ComponentMatch::*side) {
  std::vector<int> left;
  for (int k = 0; k < K; ++k)
    if (std::ranges::find(matches, k, side) == matches.end()) left.push_back(k);
  return left;
}

void print_json(const Result& r, const Mixture& a, const Mixture& b) {
  Json components = Json::array();
  for (const ComponentMatch& m : r.matches)
    components.push_back({{"a", m.a},
                          {"b", m.b},
                          {"weight_a", a.weights[m.a]},
                          {"weight_b", b.weights[m.b]},
                          {"weight_error", m.weight_error},
                          {"mean_error", m.mean_error},
                          {"mean_mahalanobis", m.mean_mahalanobis},
                          {"covariance_error", m.covariance_error},
                          {"bhattacharyya", m.distance}});
  Json json{{"components", components},
            {"unmatched_a", r.unmatched_a},
            {"unmatched_b", r.unmatched_b},
            {"kl_ab", r.kl_ab.value},
            {"kl_ab_standard_error", r.kl_ab.standard_error},
            {"kl_ba", r.kl_ba.value},
            {"kl_ba_standard_error", r.kl_ba.standard_error},
            {"adjusted_rand_index", r.rand_index},
            {"n_labelled", r.n_labelled}};
  if (r.of_a) json["labels"] = {{"a", TrueLabels::json(*r.of_a)}, {"b", TrueLabels::json(*r.of_b)}};
  say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const Result& r, const Mixture& a, const Mixture& b, Index n_samples,
                const std::string& labelled) {
  say("   A    B   weight in A   in B       mean error   in sd of A   covariance error   Bhattacharyya\n");
  for (const ComponentMatch& m : r.matches)
    say("{:4} {:4}   {:<11.6f}   {:<8.6f}   {:<10.4g}   {:<10.4g}   {:<16.4g}   {:.4g}\n", m.a, m.b,
        a.weights[m.a], b.weights[m.b], m.mean_error, m.mean_mahalanobis, m.covariance_error, m.distance);
  for (const int k : r.unmatched_a) say("{:4}    -   {:<11.6f}\n", k, a.weights[k]);
  for (const int k : r.unmatched_b) say("   - {:4}   {:<11}   {:.6f}\n", k, "", b.weights[k]);
  say("KL(A || B) {:.6g} +- {:.2g}   KL(B || A) {:.6g} +- {:.2g}   (nats, standard error; {} drawn from "
      "each)\n",
      r.kl_ab.value, r.kl_ab.standard_error, r.kl_ba.value, r.kl_ba.standard_error,
      count_text(n_samples, "row"));
  say("adjusted Rand index of the labels {:.6f}   ({} of {})\n", r.rand_index,
      count_text(r.n_labelled, "row"), labelled);
  if (!r.of_a) return;
  say("labels {}\n", r.labelled);
  say("  A: {}\n  B: {}\n", TrueLabels::text(*r.of_a), TrueLabels::text(*r.of_b));
}

struct Models {
  Mixture a, b;
  Transform transform;  ///< to their coordinates; empty: they are those of the data
};

/// Collective. The place among B's columns of each of A's; empty where they are in the same order.
std::vector<int> places_in_b(const Execution& execution, const std::string& path_a, const StoredModel& a,
                             const std::string& path_b, const StoredModel& b) {
  const auto names = [&](const std::string& path, const StoredModel& model) {
    return ColumnNames{read_feature_names(execution, path, model.n_columns()), model.n_columns(), path};
  };
  const ColumnNames of_a = names(path_a, a), of_b = names(path_b, b);
  if (of_a.n_columns != of_b.n_columns)
    throw Error(
        ExitCode::bad_data,
        fmt::format("{} has {}, but {} has {}: compare models of the same columns (gmmpi marginal makes "
                    "a model of some)",
                    path_a, count_text(of_a.n_columns, "column"), path_b,
                    count_text(of_b.n_columns, "column")));
  return places_of(execution.comm, of_a, of_b, "compare models of the same columns");
}

std::vector<double> picked(const std::vector<double>& values, const std::vector<int>& places) {
  std::vector<double> out;
  for (std::size_t first = 0; first < values.size(); first += places.size())
    for (const int place : places) out.push_back(values[first + place]);
  return out;
}

/// Collective. Two models of the same principal components in the coordinates of these, any others in the
/// units of the data; B with its columns in the order of A's.
Models read_both(const Execution& execution, const std::string& path_a, const std::string& path_b) {
  StoredModel a = read_stored_model(execution, path_a), b = read_stored_model(execution, path_b);
  const std::vector<int> places = places_in_b(execution, path_a, a, path_b, b);
  if (a.transform.loses() && b.transform.loses()) {
    if (!places.empty()) {
      b.transform.center = picked(b.transform.center, places);
      b.transform.components = picked(b.transform.components, places);
    }
    if (a.transform == b.transform)
      return {std::move(a.mixture), std::move(b.mixture), std::move(a.transform)};
  }
  Models both{in_data_units(execution, a, path_a), in_data_units(execution, b, path_b), {}};
  execution.comm.together([&] {
    if (!places.empty()) both.b = reordered(both.b, places, *execution.kernels);
  });
  return both;
}

}  // namespace

void compare_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string path_a = options.arguments.at("MODEL_A"), path_b = options.arguments.at("MODEL_B");
  Index n_samples = 0;
  std::uint64_t seed = 0;
  execution.comm.together([&] {
    n_samples = options.integer("n-samples", 2, kMostSamples);
    seed = static_cast<std::uint64_t>(options.integer("seed", 0));
    for (const char* name : {"labels", "columns"})
      if (options.has(name) && !options.has("data"))
        throw Error(ExitCode::usage, fmt::format("--{}: are of --data; give it as well", name));
  });
  const Models models = read_both(execution, path_a, path_b);
  const auto &a = models.a, &b = models.b;
  if (a.component != b.component)
    throw Error(ExitCode::bad_data,
                fmt::format("{} is a {} and {} a {} mixture: compare models of the same distribution", path_a,
                            a.component->name(), path_b, b.component->name()));
  Result r;
  std::vector<Index> table;
  if (options.has("data")) {
    Options inputs = options;
    inputs.arguments["DATA"] = options.text("data");
    inputs.arguments["MODEL"] = path_a;
    const InputData data =
        read_inputs(execution, inputs, writing_bytes(execution, a, {}), 0, models.transform);
    check_rows(execution, inputs, *data.rows, a);
    table = label_table(execution, *data.rows, a, b);
    if (data.opened.labels) {
      const TrueLabels labels(execution, data);
      r.of_a = labels.of(execution, a);
      r.of_b = labels.of(execution, b);
      r.labelled = fmt::format("{}: {}", options.text("labels"), labels.rows_text());
    }
  } else {
    table = drawn_label_table(execution, a, b, n_samples, seed);
  }
  r.rand_index = adjusted_rand_index(table, b.n_components);
  for (const Index n : table) r.n_labelled += n;
  execution.comm.together([&] { r.matches = match_components(execution, a, b); });
  r.unmatched_a = unmatched(r.matches, a.n_components, &ComponentMatch::a);
  r.unmatched_b = unmatched(r.matches, b.n_components, &ComponentMatch::b);
  r.kl_ab = kl_divergence(execution, a, b, n_samples, seed);
  r.kl_ba = kl_divergence(execution, b, a, n_samples, seed);
  if (!execution.comm.is_root()) return;
  if (options.flag("json"))
    print_json(r, a, b);
  else
    print_text(r, a, b, n_samples, options.has("data") ? options.text("data") : "those drawn");
}

}  // namespace gmmpi::app
