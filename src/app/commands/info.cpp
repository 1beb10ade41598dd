// gmmpi info: what a file holds, for people or as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/support.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/data_reader.hpp"
#include "gmmpi/io/describe.hpp"

namespace gmmpi::app {

namespace {

using Json = nlohmann::ordered_json;

/// Larger arrays are described by their shape.
constexpr Index kMostJsonValues = 1'000'000;
constexpr int kMostComponentsShown = 50;
constexpr int kMostColumnsShown = 12;

std::string row_text(const Json& row) {
  std::string text;
  int shown = 0;
  for (const Json& value : row) {
    if (++shown > kMostColumnsShown) return text + " ...";
    text += fmt::format("{:12.6g}", value.get<double>());
  }
  return text;
}

/// The covariance of component k (of all, if shared), as indented lines.
void print_covariance(const Json& model, std::size_t k) {
  const std::string type = model.at("covariance_type");
  const Json& all = model.at("covariances");
  if (type == "spherical") {
    fmt::print("    variance  {:12.6g}\n", all.at(k).get<double>());
  } else if (type == "diag") {
    fmt::print("    variances {}\n", row_text(all.at(k)));
  } else {
    const Json& matrix = type == "tied" ? all : all.at(k);
    if (matrix.size() > kMostColumnsShown) return;
    for (std::size_t i = 0; i < matrix.size(); ++i)
      fmt::print("    {} {}\n", i == 0 ? "covariance" : "          ", row_text(matrix[i]));
  }
}

void print_model(const std::string& path, const Json& file) {
  const Json& m = file.at("model");
  const std::string type = m.at("covariance_type");
  const std::size_t K = m.at("weights").size(), d = m.at("means").at(0).size();
  fmt::print("{}: Gaussian mixture, {} components in {} columns, covariance type {}\n", path, K, d, type);
  if (m.contains("log_likelihood")) {
    fmt::print("fitted to {} rows: {} after {} iterations, seed {}\n", m.at("n_samples").get<Index>(),
               m.at("converged").get<int>() ? "converged" : "not converged", m.at("n_iter").get<int>(),
               m.at("seed").get<Index>());
    fmt::print("log-likelihood {:.10g} (mean per row {:.8g}), {} parameters\n",
               m.at("log_likelihood").get<double>(), m.at("lower_bound").get<double>(),
               m.at("n_parameters").get<Index>());
    fmt::print("AIC {:.10g}   BIC {:.10g}   ICL {:.10g}   (lower is better)\n", m.at("aic").get<double>(),
               m.at("bic").get<double>(), m.at("icl").get<double>());
    if (m.contains("reseeds")) fmt::print("{} collapsed components were reseeded\n", m.at("reseeds").size());
    fmt::print("digest {}\n", m.at("digest").get<std::string>());
  }
  for (std::size_t k = 0; k < std::min<std::size_t>(K, kMostComponentsShown); ++k) {
    const double weight = m.at("weights").at(k);
    fmt::print("component {:<3} weight {:.6f} {}\n", k, weight,
               std::string(static_cast<std::size_t>(40.0 * weight + 0.5), '#'));
    fmt::print("    mean      {}\n", row_text(m.at("means").at(k)));
    if (type != "tied") print_covariance(m, k);
  }
  if (K > kMostComponentsShown)
    fmt::print("... {} more components (--json shows all)\n", K - kMostComponentsShown);
  if (type == "tied") {
    fmt::print("shared by all components\n");
    print_covariance(m, 0);
  }
}

/// How far an unfinished fit is.
void print_checkpoint(const std::string& path, const Json& file) {
  static constexpr const char* phases[] = {"drawing seeds", "k-means", "Expectation-Maximisation"};
  const Json &state = file.at("state"), &options = file.at("options");
  const Json& history = state.at("log_likelihood");
  fmt::print("{}: checkpoint of an unfinished fit, {} components, covariance type {}\n", path,
             options.at("n_components").get<Index>(), options.at("covariance_type").get<std::string>());
  fmt::print("restart {} of {}, {}", state.at("restart").get<Index>(), options.at("n_init").get<Index>(),
             phases[std::clamp<Index>(state.at("phase").get<Index>(), 0, 2)]);
  if (state.at("phase") == 1) fmt::print(", {} sweeps done", state.at("lloyd_iterations").get<Index>());
  if (state.at("phase") == 2)
    fmt::print(", {} of at most {} iterations done", state.at("n_iter").get<Index>(), options.at("max_iter").get<Index>());
  fmt::print("\n");
  if (!history.empty()) fmt::print("last log-likelihood {:.10g}\n", history.back().get<double>());
  const Json& done = file.at("best").at("restart_log_likelihood");
  for (std::size_t r = 0; r < done.size(); ++r)
    fmt::print("restart {} ended at log-likelihood {:.10g}\n", r, done[r].get<double>());
  fmt::print("next: run the command that was stopped again; it continues from here\n");
}

/// Whatever is not a model: one line per dataset and attribute.
void print_tree(const Json& group, const std::string& prefix) {
  for (const auto& [name, value] : group.items()) {
    if (value.is_object() && value.contains("shape"))
      fmt::print("  {}{}  {} {}\n", prefix, name, value.at("shape").dump(),
                 value.at("type").get<std::string>());
    else if (value.is_object())
      print_tree(value, prefix + name + "/");
    else
      fmt::print("  {}{} = {}\n", prefix, name, value.dump());
  }
}

}  // namespace

void info_command(const Execution& execution, const Options& options) {
  const std::string spec = options.arguments.at("FILE");
  std::string name = parse_data_spec(spec).path;
  bool is_hdf5 = true;
  Json file;
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    try {
      file = describe_hdf5(name, options.flag("json") ? kMostJsonValues : 0);
      if (file.contains("model") || file.contains("state")) file = describe_hdf5(name, kMostJsonValues);
    } catch (const Error& e) {
      if (e.code() != ExitCode::bad_data || name.ends_with(".h5") || name.ends_with(".hdf5")) throw;
      is_hdf5 = false;  // perhaps csv or npy
    }
  });
  std::int64_t other = !is_hdf5;
  execution.comm.max(std::span(&other, 1));
  if (other) {
    const auto reader = open_data(execution.comm, spec);
    if (!execution.comm.is_root()) return;
    if (options.flag("json"))
      fmt::print("{}\n", Json{{"n_samples", reader->n_rows()},
                              {"n_features", reader->n_columns()},
                              {"type", reader->element() == ElementType::f4 ? "f4" : "f8"},
                              {"feature_names", reader->feature_names()}}
                             .dump(2));
    else
      fmt::print("{}\n", reader->describe());
    return;
  }
  if (!execution.comm.is_root()) return;
  if (options.flag("json")) {
    fmt::print("{}\n", file.dump(2));
  } else if (file.value("filetype", "") == "gmmpi-checkpoint") {
    print_checkpoint(name, file);
  } else if (file.contains("model") && file.at("model").contains("weights") &&
             file.at("model").contains("means") && file.at("model").contains("covariance_type") &&
             file.at("model").contains("covariances")) {
    print_model(name, file);
  } else {
    fmt::print("{}: {}\n", name,
               file.contains("filetype") ? file.at("filetype").get<std::string>() : "HDF5 file");
    print_tree(file, "/");
  }
}

}  // namespace gmmpi::app
