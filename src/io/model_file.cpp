// Model files: layout, digest, reading what is needed.
#include "gmmpi/io/model_file.hpp"

#include <sys/stat.h>

#include <cmath>

#include "gmmpi/error.hpp"
#include "gmmpi/model/transformed_mixture.hpp"
#include "io/atomic_file.hpp"
#include "io/fit_fields.hpp"
#include "io/grid_fields.hpp"

namespace gmmpi {

namespace {

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

std::vector<Field> model_fields(const ModelRecord& r) {
  const Mixture& m = r.result.model;
  const std::string g = "model";
  std::vector<Field> fields = parameter_fields(m, g, true);
  const auto add = [&](const char* name, Field::Value value) {
    fields.push_back({g, name, std::move(value), true});
  };
  add("n_components", std::int64_t{m.n_components});
  add("n_features", std::int64_t{m.n_features});
  add("n_samples", std::int64_t{r.data.n_rows});
  add("total_weight", r.data.total_weight);
  add("converged", std::int64_t{r.result.converged});
  add("n_iter", std::int64_t{r.result.n_iter});
  add("n_recentred", std::int64_t{r.result.n_recentred});
  if (r.options.accelerate != Acceleration::none) add("n_rejected", std::int64_t{r.result.n_rejected});
  add("best_restart", std::int64_t{r.result.best_restart});
  add("lower_bound", r.result.log_likelihood() / r.data.total_weight);
  add("log_likelihood", r.result.log_likelihood());
  add("reg_covar", mean(r.result.reg_covar));
  add("reg_covar_added", Doubles{r.result.reg_covar, {m.n_features}});
  if (!r.result.variance_floor.empty())
    add("variance_floor", Doubles{r.result.variance_floor, {m.n_features}});
  add("tol", r.options.tol);
  add("seed", static_cast<std::int64_t>(r.options.seed));
  add("n_parameters", r.options.fixed.n_free(m));
  add("aic", r.score.aic);
  add("bic", r.score.bic);
  add("icl", r.score.icl);
  if (!r.result.reseeds.empty()) add("reseeds", reseed_table(r.result.reseeds));
  if (r.options.labels) add("n_labelled", r.options.labels->n_known());
  if (const auto& prior = r.result.prior) {
    const Index d = m.n_features, n = std::ssize(prior->scale);
    add("log_posterior", r.result.traces["log_posterior"].back());
    add("prior_weight", prior->weight);
    add("prior_shrinkage", prior->shrinkage);
    add("prior_dof", prior->dof);
    add("prior_mean", Doubles{prior->mean, {d}});
    const bool matrix = !m.layout().is_diagonal();
    add("prior_scale", Doubles{prior->scale, matrix ? std::vector<Index>{d, d} : std::vector<Index>{n}});
  }
  return fields;
}

/// What the digest is of, and what /model holds besides.
std::vector<Field> digested_fields(const ModelRecord& r) {
  std::vector<Field> fields = model_fields(r);
  fields.push_back(
      {"history", "log_likelihood", Doubles{r.result.history, {std::ssize(r.result.history)}}, true});
  for (Field& field : trace_fields(r.result.traces, r.options, "history")) fields.push_back(std::move(field));
  for (Field& field : transform_fields(r.options.transform)) fields.push_back(std::move(field));
  for (Field& field : numeric_options(r.options)) fields.push_back(std::move(field));
  return fields;
}

}  // namespace

std::string request_digest(const FitOptions& options, const DataSummary& data) {
  std::vector<Field> fields = numeric_options(options);
  fields.push_back({"options", "data_fingerprint", data.fingerprint, true});
  for (Field& field : fields)
    field.in_digest = true;  // a fit without a trace that is asked for is not complete
  return digest(std::move(fields));
}

std::string model_digest(const ModelRecord& record) {
  return digest(digested_fields(record));
}

std::string write_model(const std::string& path, const ModelRecord& r) {
  std::vector<Field> fields = digested_fields(r);
  const std::string result_digest = digest(fields);

  fields.push_back({"model", "digest", result_digest, false});
  fields.push_back({"history", "restart_log_likelihood",
                    Doubles{r.result.restart_log_likelihoods, {std::ssize(r.result.restart_log_likelihoods)}},
                    false});
  fields.push_back({"history", "n_sweeps", r.result.n_sweeps, false});
  fields.push_back({"", "filetype", std::string("gmmpi-model"), false});
  fields.push_back({"", "format_version", std::int64_t{1}, false});
  fields.push_back({"", "gmmpi_version", std::string(GMMPI_VERSION), false});
  fields.push_back({"options", "request", request_digest(r.options, r.data), false});
  fields.push_back({"options", "data_fingerprint", r.data.fingerprint, false});
  for (const auto& [name, value] : r.resolved_options) {
    const bool present = std::ranges::any_of(
        fields, [&name = name](const Field& f) { return f.group == "options" && f.name == name; });
    if (!present) fields.push_back({"options", name, value, false});
  }
  if (r.grid)
    for (Field& field : grid_fields(*r.grid, r.data)) fields.push_back(std::move(field));
  for (const auto& [name, value] : r.runtime) fields.push_back({"runtime", name, value, false});
  fields.push_back({"runtime", "seconds", Doubles{r.result.seconds, {std::ssize(r.result.seconds)}}, false});

  write_file_atomically(path, h5::make_image([&](hid_t file) {
                          write_fields(file, fields);
                          if (!r.feature_names.empty())
                            h5::write_dataset(file, "/feature_names", r.feature_names);
                          if (!r.class_names.empty()) h5::write_dataset(file, "/class_names", r.class_names);
                        }));
  return result_digest;
}

StoredModel read_stored_model(const Execution& execution, const std::string& path) {
  StoredModel model;
  execution.comm.together([&] {
    Mixture& m = model.mixture;
    const h5::Handle file = h5::open_file(path, path);
    if (!h5::exists(file, "/model"))
      throw Error(ExitCode::bad_data,
                  path + ": no group /model: this is not a model file; give one that `gmmpi fit` wrote");
    m = read_parameters(h5::open_group(file, "/model"), path);
    validate(m, *execution.kernels, path);
    model.transform = read_transform_group(file, path);
    if (model.transform.empty()) return;
    if (model.transform.n_outputs() != m.n_features || !m.component->has_covariances())
      throw Error(
          ExitCode::bad_data,
          path +
              ": /transform does not lead to the columns of a Gaussian mixture that /model has; write "
              "a scale for each of them, or remove the group");
    m.log_volume = log_volume(model.transform, *execution.kernels);
    m.log_scales = log_scales(model.transform, *execution.kernels);
  });
  return model;
}

Mixture read_model(const Execution& execution, const std::string& path) {
  return in_data_units(execution, read_stored_model(execution, path), path);
}

Mixture in_data_units(const Execution& execution, const StoredModel& model, const std::string& path) {
  require_no_noise(model.mixture, path);
  if (model.transform.empty()) return model.mixture;
  if (model.transform.loses())
    throw Error(ExitCode::bad_data, path + ": a mixture of " + std::to_string(model.transform.n_outputs()) +
                                        " principal components has no density of its " +
                                        std::to_string(model.transform.n_inputs()) +
                                        " columns; use score, predict or sample, or fit without `pca`");
  Mixture mixture;
  execution.comm.together(
      [&] { mixture = mixture_before(model.mixture, model.transform, *execution.kernels); });
  return mixture;
}

namespace {

std::string request_of_fields(std::vector<Field> fields, const std::map<std::string, std::string>& facts,
                              const Transform& transform) {
  for (Field& field : transform_fields(transform)) fields.push_back(std::move(field));
  for (const auto& [name, value] : facts) fields.push_back({"request", name, value, true});
  return digest(std::move(fields));
}

}  // namespace

std::string request_text(const Mixture& mixture, const std::map<std::string, std::string>& facts,
                         const Transform& transform) {
  return request_of_fields(parameter_fields(mixture, "model"), facts, transform);
}

std::string request_text(const std::map<std::string, std::string>& facts, const Transform& transform) {
  return request_of_fields({}, facts, transform);
}

std::string request_of(const std::string& path) {
  try {
    const h5::Handle file = h5::open_file(path, path);
    return h5::read_attribute<std::string>(h5::open_group(file, "/"), "request");
  } catch (const Error&) {
    return "";  // some other file
  }
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
    found.converged = h5::read_attribute<std::int64_t>(model, "converged") != 0;
    found.n_iter = h5::read_attribute<std::int64_t>(model, "n_iter");
    found.request = h5::read_attribute<std::string>(options, "request");
    if (h5::exists(file, "/grid"))
      found.selection = h5::read_attribute<std::string>(h5::open_group(file, "/grid"), "request");
  } catch (const Error&) {
    found = {};  // some other file
  }
  return found;
}

}  // namespace gmmpi
