// Model files: layout, digest, reading what is needed.
#include "gmmpi/io/model_file.hpp"

#include <sys/stat.h>

#include <cmath>

#include "gmmpi/error.hpp"
#include "io/atomic_file.hpp"
#include "io/field_list.hpp"

namespace gmmpi {

namespace {

using Doubles = Field::Array<double>;
using Integers = Field::Array<std::int64_t>;

std::vector<Index> to_index(const std::vector<std::size_t>& dims) {
  return {dims.begin(), dims.end()};
}

std::vector<Field> parameter_fields(const Mixture& m, const std::string& group) {
  const Index K = m.n_components, d = m.n_features;
  const auto dims = to_index(covariance_dims(m.shape(), m.n_components, m.n_features));
  return {{group, "covariance_type", std::string(m.family->name()), true},
          {group, "weights", Doubles{m.weights, {K}}, true},
          {group, "means", Doubles{m.means, {K, d}}, true},
          {group, "covariances", Doubles{m.covariances, dims}, true}};
}

/// What a fit's numbers depend on. A start counts by its content.
std::vector<Field> numeric_options(const FitOptions& o) {
  static constexpr const char* inits[] = {"kmeans", "k-means++", "random", "random-from-data", "model"};
  const std::string group = "options";
  std::vector<Field> fields{
      {group, "n_components", std::int64_t{o.n_components}, true},
      {group, "covariance_type", std::string(o.family->name()), true},
      {group, "init", std::string(inits[static_cast<int>(o.init)]), true},
      {group, "n_init", std::int64_t{o.n_init}, true},
      {group, "tol", o.tol, true},
      {group, "max_iter", std::int64_t{o.max_iter}, true},
      {group, "reg_covar", o.reg_covar ? Field::Value(*o.reg_covar) : Field::Value(std::string("auto")),
       true},
      {group, "seed", static_cast<std::int64_t>(o.seed), true},
      {group, "on_collapse", std::string(o.fail_on_collapse ? "fail" : "reseed"), true}};
  if (o.start) fields.push_back({group, "start", digest(parameter_fields(*o.start, "start")), true});
  return fields;
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

std::vector<Field> model_fields(const ModelRecord& r) {
  const Mixture& m = r.result.model;
  const std::string g = "model";
  std::vector<Field> fields = parameter_fields(m, g);
  const auto add = [&](const char* name, Field::Value value) {
    fields.push_back({g, name, std::move(value), true});
  };
  add("precisions_cholesky",
      Doubles{m.precisions_cholesky, to_index(covariance_dims(m.shape(), m.n_components, m.n_features))});
  add("n_components", std::int64_t{m.n_components});
  add("n_features", std::int64_t{m.n_features});
  add("n_samples", std::int64_t{r.data.n_rows});
  add("total_weight", r.data.total_weight);
  add("converged", std::int64_t{r.result.converged});
  add("n_iter", std::int64_t{r.result.n_iter});
  add("n_recentred", std::int64_t{r.result.n_recentred});
  add("best_restart", std::int64_t{r.result.best_restart});
  add("lower_bound", r.result.log_likelihood() / r.data.total_weight);
  add("log_likelihood", r.result.log_likelihood());
  add("reg_covar", mean(r.result.reg_covar));
  add("reg_covar_added", Doubles{r.result.reg_covar, {m.n_features}});
  add("tol", r.options.tol);
  add("seed", static_cast<std::int64_t>(r.options.seed));
  add("n_parameters", m.n_parameters());
  add("aic", r.score.aic);
  add("bic", r.score.bic);
  add("icl", r.score.icl);
  std::vector<std::int64_t> reseeds;
  for (const Reseed& e : r.result.reseeds)
    reseeds.insert(reseeds.end(), {e.restart, e.iteration, e.component, e.row});
  if (!reseeds.empty()) add("reseeds", Integers{reseeds, {std::ssize(r.result.reseeds), 4}});
  return fields;
}

}  // namespace

std::string request_digest(const FitOptions& options, const DataSummary& data) {
  std::vector<Field> fields = numeric_options(options);
  fields.push_back({"options", "data_fingerprint", data.fingerprint, true});
  return digest(std::move(fields));
}

std::string write_model(const std::string& path, const ModelRecord& r) {
  std::vector<Field> fields = model_fields(r);
  fields.push_back(
      {"history", "log_likelihood", Doubles{r.result.history, {std::ssize(r.result.history)}}, true});
  for (Field& field : numeric_options(r.options)) fields.push_back(std::move(field));
  const std::string result_digest = digest(fields);

  fields.push_back({"model", "digest", result_digest, false});
  fields.push_back({"history", "restart_log_likelihood",
                    Doubles{r.result.restart_log_likelihoods, {std::ssize(r.result.restart_log_likelihoods)}},
                    false});
  fields.push_back({"", "filetype", std::string("gmmpi-model"), false});
  fields.push_back({"", "format_version", std::int64_t{1}, false});
  fields.push_back({"", "gmmpi_version", std::string(GMMPI_VERSION), false});
  fields.push_back({"options", "request", request_digest(r.options, r.data), false});
  fields.push_back({"options", "data_fingerprint", r.data.fingerprint, false});
  for (const auto& [name, value] : r.resolved_options) {
    const bool present =
        std::ranges::any_of(fields, [&](const Field& f) { return f.group == "options" && f.name == name; });
    if (!present) fields.push_back({"options", name, value, false});
  }
  for (const auto& [name, value] : r.runtime) fields.push_back({"runtime", name, value, false});
  fields.push_back({"runtime", "seconds", Doubles{r.result.seconds, {std::ssize(r.result.seconds)}}, false});

  write_file_atomically(path, h5::make_image([&](hid_t file) { write_fields(file, fields); }));
  return result_digest;
}

Mixture read_model(const Execution& execution, const std::string& path) {
  Mixture m;
  execution.comm.together([&] {
    const h5::Handle file = h5::open_file(path, path);
    if (!h5::exists(file, "/model"))
      throw Error(ExitCode::bad_data,
                  path + ": no group /model: this is not a model file; give one that `gmmpi fit` wrote");
    const h5::Handle group = h5::open_group(file, "/model");
    const auto family = h5::read_attribute<std::string>(group, "covariance_type");
    try {
      m.family = &find_family(family);
    } catch (const Error& e) {
      throw Error(ExitCode::bad_data, path + ": " + e.what());
    }
    std::vector<Index> dims;
    m.means = h5::read_dataset<double>(group, "means", &dims);
    if (dims.size() != 2 || dims[0] < 1 || dims[1] < 1)
      throw Error(ExitCode::bad_data, path + ": /model/means must be a (K, d) array");
    m.n_components = static_cast<int>(dims[0]);
    m.n_features = static_cast<int>(dims[1]);
    m.weights = h5::read_dataset<double>(group, "weights", &dims);
    m.covariances = h5::read_dataset<double>(group, "covariances", &dims);
    if (dims != to_index(covariance_dims(m.shape(), m.n_components, m.n_features)))
      throw Error(ExitCode::bad_data,
                  path + ": /model/covariances does not have the shape of covariance type '" + family +
                      "' for " + std::to_string(m.n_components) + " components and " +
                      std::to_string(m.n_features) + " columns");
    validate(m, *execution.kernels, path);
  });
  return m;
}

std::optional<ExistingModel> look_at_model(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  ExistingModel found;
  try {
    const h5::Handle file = h5::open_file(path, path);
    const h5::Handle options = h5::open_group(file, "/options"), model = h5::open_group(file, "/model");
    found.digest = h5::read_attribute<std::string>(model, "digest");
    found.log_likelihood = h5::read_attribute<double>(model, "log_likelihood");
    found.request = h5::read_attribute<std::string>(options, "request");
  } catch (const Error&) {
    found.request.clear();  // some other file
  }
  return found;
}

}  // namespace gmmpi
