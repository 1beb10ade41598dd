// gmmpi info: what a file holds, for people or as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/fit_info.hpp"
#include "app/grid_table.hpp"
#include "app/say.hpp"
#include "app/support.hpp"
#include "app/table_info.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/diagnostics.hpp"
#include "gmmpi/inference/moments.hpp"
#include "gmmpi/io/checkpoint_store.hpp"
#include "gmmpi/io/derived_model.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/open_data.hpp"
#include "gmmpi/model/covariance_structure.hpp"
#include "io/data_format.hpp"
#include "io/describe.hpp"
#include "model/decomposition.hpp"

namespace gmmpi::app {

namespace {

using Json = nlohmann::ordered_json;

/// Larger arrays are described by their shape.
constexpr Index kMostJsonValues = 20'000'000;
constexpr int kMostComponentsShown = 50, kMostColumnsShown = 12;
constexpr double kBarLength = 30.0;
/// Multiplications that looking for the most overlapping pair may cost, some seconds.
constexpr double kMostOverlapWork = 2e9;

std::string row_text(const Json& row) {
  std::string text;
  int shown = 0;
  for (const Json& value : row) {
    if (++shown > kMostColumnsShown) return text + " ...";
    text += fmt::format("{:12.6g}", value.get<double>());
  }
  return text;
}

/// ", covariance type full", where there are covariances.
std::string kind_of(const Json& fields) {
  return fields.contains("covariance_type")
             ? ", covariance type " + fields.at("covariance_type").get<std::string>()
             : "";
}

std::string condition_text(double condition) {
  return std::isfinite(condition) ? fmt::format("{:.3g}", condition) : "beyond double precision";
}

/// A matrix as indented lines, unless it is too wide for them.
void print_matrix(const Json& matrix, const char* name = "covariance") {
  if (matrix.size() > kMostColumnsShown) return;
  for (std::size_t i = 0; i < matrix.size(); ++i)
    say("    {:<10} {}\n", i == 0 ? name : "", row_text(matrix[i]));
}

/// The covariance of component k (of all, if shared), as indented lines.
void print_covariance(const Json& model, const Mixture& mixture, std::size_t k) {
  if (!mixture.component->has_covariances()) return;
  const std::string name(mixture.component->matrices_name());
  const Json& all = model.at(name);
  if (!all.is_array()) {
    if (k == 0) say("    {} too large to be shown\n", name);
    return;
  }
  const bool is_scale = !mixture.own.empty();
  const Json& own = mixture.is_shared() ? all : all.at(k);
  if (!own.is_array())
    say("    {} {:12.6g}\n", is_scale ? "scale    " : "variance ", own.get<double>());
  else if (!own.at(0).is_array())
    say("    {} {}\n", is_scale ? "scales   " : "variances", row_text(own));
  else
    print_matrix(own, is_scale ? "scale" : "covariance");
}

/// What component k has besides, and the covariance that it makes of its matrix where there is one.
void print_own(const Mixture& mixture, std::size_t k) {
  if (mixture.own.empty()) return;
  say("    {:<9} {:12.6g}\n", mixture.component->own_name(), mixture.own[k]);
  const std::vector<double> covariance = full_covariance(mixture, static_cast<int>(k));
  if (!std::ranges::all_of(covariance, [](double c) { return std::isfinite(c); })) return;
  Json rows = Json::array();
  for (auto row = covariance.begin(); row != covariance.end(); row += mixture.n_features)
    rows.push_back(std::vector<double>(row, row + mixture.n_features));
  print_matrix(rows);
}

/// Volume, shape and orientation of component k, where the file has them.
void print_parts(const Json& model, std::size_t k) {
  if (!model.contains("scale") || !model.at("scale").is_array() || !model.at("shape").is_array()) return;
  say("    volume    {:12.6g}\n    shape     {}\n", model.at("scale").at(k).get<double>(),
      row_text(model.at("shape").at(k)));
}

/// In the coordinates of the components.
void print_noise(const std::optional<Noise>& noise) {
  if (!noise) return;
  say("noise         weight {:.6f}, {} (label -1)", noise->weight, noise->background->name());
  const std::vector<BackgroundField> fields = noise->background->fields();
  for (const BackgroundField& f : fields)
    if (f.is_number) say("; {} = {:.8g}", f.title, f.values[0]);
  say("\n");
  for (const BackgroundField& f : fields)
    if (!f.is_number) say("    {:<10}{}\n", f.title, row_text(f.values));
}

/// Mean and covariance of the whole mixture, in the units of the data.
Json mixture_json(const StoredModel& model) {
  const MixtureMoments moments = mixture_moments(model.mixture, model.transform);
  Json covariance = Json::array();
  for (auto row = moments.covariance.begin(); row != moments.covariance.end(); row += model.n_columns())
    covariance.push_back(std::vector<double>(row, row + model.n_columns()));
  return {{"mean", moments.mean}, {"covariance", covariance}};
}

/// The most overlapping components, unless there are too many to look at all pairs.
std::optional<Overlap> overlap_of(const Execution& alone, const Mixture& mixture) {
  const double K = mixture.n_components, d = mixture.n_features;
  if (K * K * d * d * d > kMostOverlapWork) return std::nullopt;
  return most_overlapping(alone, mixture);
}

/// Where a model that no fit made comes from.
void print_origin(const Json& file) {
  const Json options = file.value("options", Json::object());
  if (!options.contains("command")) return;
  if (options.at("command") == "simulate") {
    say("drawn by gmmpi simulate, --separation {} --seed {}\n", options.at("separation").get<std::string>(),
        options.at("seed").get<std::string>());
    say("digest {}\n", file.at("model").at("digest").get<std::string>());
    return;
  }
  const std::string made = options.contains("keep") ? "keep" : "given";
  say("made by gmmpi {} from {}, --{} {}\n", options.at("command").get<std::string>(),
      options.at("model").get<std::string>(), made, options.at(made).get<std::string>());
  if (file.at("model").contains("log_density_given"))
    say("log density of the given values {:.10g}\n", file["model"]["log_density_given"].get<double>());
  say("digest {}\n", file["model"].at("digest").get<std::string>());
}

/// What every component has in common with its neighbours and with a singular one.
void print_diagnostics(const Execution& alone, const Mixture& mixture) {
  if (const auto pair = overlap_of(alone, mixture))
    say("most overlapping: components {} and {}; at most {:.2g} % of all rows are of one and look more like "
        "the "
        "other (Bhattacharyya bound)\n",
        pair->a, pair->b, 100.0 * pair->bound);
  const std::vector<double> conditions = condition_numbers(mixture);
  if (conditions.empty() || mixture.layout().is_round()) return;
  const auto worst = std::ranges::max_element(conditions);
  say("largest condition number of a covariance: {}{}\n", condition_text(*worst),
      conditions.size() > 1 ? fmt::format(" (component {})", worst - conditions.begin()) : "");
}

/// What rows go through before they meet the components.
void print_transform(const Transform& t) {
  if (t.empty()) return;
  if (t.components.empty()) {
    say("of standardised columns: components are shown in them\n");
  } else {
    const bool whitened = std::ranges::any_of(t.scale, [](double s) { return s != 1.0; });
    say("of {} of {}{}: components are shown in them\n", count_text(t.n_outputs(), "principal component"),
        count_text(t.n_inputs(), "column"), whitened ? ", whitened" : "");
  }
  say("    centre    {}\n", row_text(t.center));
  say("    scale     {}\n", row_text(t.scale));
}

void print_model(const std::string& path, const Json& file, const StoredModel& model,
                 const std::vector<std::string>& feature_names, const Execution& alone) {
  const Json& m = file.at("model");
  const std::string errors = errors_option(file);
  const bool shared = model.mixture.is_shared();
  const std::size_t K = m.at("weights").size(), d = model.n_columns();
  say("{}: {} mixture, {} in {}{}\n", path, model.mixture.component->title(),
      count_text(static_cast<Index>(K), "component"), count_text(static_cast<Index>(d), "column"),
      kind_of(m));
  say("{}", columns_line(feature_names));
  print_transform(model.transform);
  print_origin(file);
  if (m.contains("log_likelihood")) print_fit(file);
  if (model.mixture.label_rule == LabelRule::nearest)
    say("k-means: each row is of the nearest mean{}\n",
        model.transform.empty() ? "" : ", by the distance in the columns that components are shown in");
  if (file.contains("grid")) say("chosen among\n{}", grid_text(file.at("grid"), in_passes(file)));
  if (m.contains("scale") && has_letters(*model.mixture.structure))
    say("{}\n", letters_in_words(*model.mixture.structure));
  if (const std::vector<int>& floored = model.mixture.floored; !floored.empty())
    say("degenerate, at the floor under the variances: component{} {}\n", floored.size() == 1 ? "" : "s",
        fmt::join(floored, ", "));
  const Json class_names = file.value("class_names", Json::array());
  const double heaviest = std::ranges::max(model.mixture.weights);
  for (std::size_t k = 0; k < std::min<std::size_t>(K, kMostComponentsShown); ++k) {
    const double weight = m.at("weights").at(k);
    say("component {:<3} weight {:.6f} {}{}\n", k, weight,
        k < class_names.size() ? fmt::format("class {} ", class_names[k].get<std::string>()) : "",
        std::string(static_cast<std::size_t>(kBarLength * model.mixture.weights[k] / heaviest + 0.5), '#'));
    say("    mean      {}\n", row_text(m.at("means").at(k)));
    print_parts(m, k);
    if (!shared) print_covariance(m, model.mixture, k);
    print_own(model.mixture, k);
  }
  if (K > kMostComponentsShown) say("... {} more components (--json shows all)\n", K - kMostComponentsShown);
  if (shared) {
    say("shared by all components\n");
    print_covariance(m, model.mixture, 0);
  }
  print_noise(model.mixture.noise);
  const Json whole = mixture_json(model);
  say("all components together\n    mean      {}\n", row_text(whole["mean"]));
  print_matrix(whole["covariance"]);
  print_diagnostics(alone, model.mixture);
  const Json fitted = member(file, "options", "data");
  const std::string data = fitted.is_string() ? fitted.get<std::string>() : "DATA";
  const std::string picture =
      !model.mixture.component->has_covariances() ? "parameters" : (d == 1 ? "density " : "scatter ") + data;
  say("next: gmmpi plot {} {}{} -o picture.png, or gmmpi predict {} {}{} -o labels.h5\n", picture, path,
      d == 1 ? "" : errors, data, path, errors);
}

/// Adds the moments of a sound model; one that is not is shown as it is.
void add_mixture(Json& file, const Execution& alone, const std::string& path) {
  try {
    const StoredModel model = read_stored_model(alone, path);
    const Mixture& mixture = model.mixture;
    file["mixture"] = mixture_json(model);
    file["mixture"]["condition_numbers"] = condition_numbers(mixture);
    if (const auto pair = overlap_of(alone, mixture))
      file["mixture"]["most_overlapping"] = {{"components", {pair->a, pair->b}},
                                             {"bhattacharyya_distance", pair->distance},
                                             {"bound", pair->bound}};
  } catch (const Error& e) {
    if (e.code() != ExitCode::bad_data) throw;
  }
}

/// How far an unfinished fit is.
void print_checkpoint(const std::string& path, const Json& file) {
  static constexpr const char* phases[] = {"drawing seeds", "k-means", "Expectation-Maximisation"};
  const Json &state = file.at("state"), &options = file.at("options");
  const Json& history = state.at("log_likelihood");
  say("{}: checkpoint of an unfinished fit, {} components{}\n", path, options.at("n_components").get<Index>(),
      kind_of(options));
  say("restart {} of {}, {}", state.at("restart").get<Index>(), options.at("n_init").get<Index>(),
      phases[std::clamp<Index>(state.at("phase").get<Index>(), 0, 2)]);
  if (state.at("phase") == 1) say(", {} sweeps done", state.at("lloyd_iterations").get<Index>());
  if (state.at("phase") == 2)
    say(", {} of at most {} iterations done", state.at("n_iter").get<Index>(),
        options.at("max_iter").get<Index>());
  say("\n");
  if (!history.empty()) say("last log-likelihood {:.10g}\n", history.back().get<double>());
  const Json& done = file.at("best").at("restart_log_likelihood");
  for (std::size_t r = 0; r < done.size(); ++r)
    say("restart {} ended at log-likelihood {:.10g}\n", r, done[r].get<double>());
  if (const std::string holder = run_at_work(path); !holder.empty())
    say("{} is at work on it\nnext: wait for its end, or look at its newest checkpoint, the one of the "
        "highest number\n",
        holder);
  else
    say("next: run the command that was stopped again; it continues from here\n");
}

/// What gmmpi pca wrote.
void print_components(const std::string& path, const Json& file) {
  const Json& t = file.at("transform");
  const Json &variance = t.at("explained_variance"), &share = t.at("explained_variance_ratio"),
             &scale = t.at("scale");
  const bool whitened = std::ranges::any_of(scale, [](const Json& s) { return s != 1.0; });
  say("{}: {} of {}{}\n", path, count_text(std::ssize(variance), "principal component"),
      count_text(std::ssize(t.at("center")), "column"), whitened ? ", whitened" : "");
  say("component      variance     share\n");
  for (std::size_t i = 0; i < std::min<std::size_t>(variance.size(), kMostComponentsShown); ++i)
    say("{:9} {:13.7g} {:9.6f}\n", i, variance[i].get<double>(), share[i].get<double>());
  if (variance.size() > kMostComponentsShown)
    say("... {} more (--json shows all)\n", variance.size() - kMostComponentsShown);
  say("total variance {:.10g}\ndigest {}\n", t.at("total_variance").get<double>(),
      t.at("digest").get<std::string>());
}

/// Whatever is not a model: one line per dataset and attribute.
void print_tree(const Json& group, const std::string& prefix) {
  for (const auto& [name, value] : group.items()) {
    if (value.is_object() && value.contains("shape"))
      say("  {}{}  {} {}{}\n", prefix, name, value.at("shape").dump(), value.at("type").get<std::string>(),
          value.contains("problem") ? " (cannot be read: " + value.at("problem").get<std::string>() + ")"
                                    : "");
    else if (value.is_object())
      print_tree(value, prefix + name + "/");
    else
      say("  {}{} = {}\n", prefix, name, value.dump());
  }
}

}  // namespace

void info_command(const Execution& execution, const Options& options, StopRequest&) {
  const std::string spec = options.arguments.at("FILE");
  const std::string name = parse_data_spec(spec).path;
  const bool is_hdf5 = detect_format(execution.comm, parse_data_spec(spec)) == DataFormat::hdf5;
  if (!is_hdf5 || !parse_data_spec(spec).dataset.empty()) return print_table(execution, options, spec);
  Json file;
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    file = describe_hdf5(name, options.flag("json") ? kMostJsonValues : 0);
    if (file.contains("model") || file.contains("state") || file.contains("transform"))
      file = describe_hdf5(name, kMostJsonValues);
  });
  const bool is_model = file.contains("model") && file.value("filetype", "") != "gmmpi-checkpoint";
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    const Execution alone{Communicator::single(), 1, execution.kernels, nullptr};
    if (options.flag("json")) {
      if (is_model) add_mixture(file, alone, name);
      say("{}\n", file.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else if (file.value("filetype", "") == "gmmpi-checkpoint") {
      print_checkpoint(name, file);
    } else if (is_model) {
      const StoredModel model = read_stored_model(alone, name);
      print_model(name, file, model, read_feature_names(alone, name, model.n_columns()), alone);
    } else if (file.value("filetype", "") == "gmmpi-transform") {
      print_components(name, file);
    } else {
      say("{}: {}\n", name, file.value("filetype", "HDF5 file"));
      print_tree(file, "/");
      const Json rows = file.value("X", Json::object());
      const std::string errors = file.contains("errors") ? " --errors " + name : "";
      if (!rows.contains("problem") && rows.value("shape", Json::array()).size() == 2)
        say("next: gmmpi fit {}{} -k 3 -o model.h5\n", name, errors);
    }
  });
}

}  // namespace gmmpi::app
