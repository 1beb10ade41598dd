// Model files that no fit made.
#include "gmmpi/io/derived_model.hpp"

#include <fmt/format.h>

#include "gmmpi/error.hpp"
#include "io/atomic_file.hpp"
#include "io/fit_fields.hpp"
#include "io/utf8.hpp"

namespace gmmpi {

std::string write_derived_model(const std::string& path, const DerivedModel& model) {
  const Mixture& m = model.mixture;
  std::vector<Field> fields = parameter_fields(m, "model", true);
  const auto add = [&](const char* name, Field::Value value) {
    fields.push_back({"model", name, std::move(value), true});
  };
  add("n_components", std::int64_t{m.n_components});
  add("n_features", std::int64_t{m.n_features});
  add("n_parameters", m.n_parameters());
  if (model.log_density_given) add("log_density_given", *model.log_density_given);
  const std::string own_digest = digest(fields);

  fields.push_back({"model", "digest", own_digest, false});
  fields.push_back({"", "filetype", std::string("gmmpi-model"), false});
  fields.push_back({"", "format_version", std::int64_t{1}, false});
  fields.push_back({"", "gmmpi_version", std::string(GMMPI_VERSION), false});
  fields.push_back({"", "request", model.request, false});
  for (const auto& [name, value] : model.options) fields.push_back({"options", name, value, false});
  write_file_atomically(path, h5::make_image([&](hid_t file) {
                          write_fields(file, fields);
                          if (!model.feature_names.empty())
                            h5::write_dataset(file, "/feature_names", model.feature_names);
                        }));
  return own_digest;
}

namespace {

/// Local. A text dataset, in UTF-8; empty if there is none.
std::vector<std::string> read_names(const std::string& path, const char* dataset) {
  const h5::Handle file = h5::open_file(path, path);
  if (!h5::exists(file, dataset)) return {};
  std::vector<std::string> names = h5::read_dataset<std::string>(file, dataset);
  for (std::string& name : names) name = as_utf8(name);
  return names;
}

}  // namespace

std::vector<std::string> read_feature_names(const Execution& execution, const std::string& path,
                                            int n_features) {
  std::vector<std::string> names;
  execution.comm.together([&] {
    names = read_names(path, "/feature_names");
    if (n_features > 0 && !names.empty() && std::ssize(names) != n_features)
      throw Error(ExitCode::bad_data,
                  fmt::format("{}: /feature_names holds {} names for {} columns; write one "
                              "name per column, or remove it",
                              path, names.size(), n_features));
  });
  return names;
}

std::vector<std::string> read_class_names(const Execution& execution, const std::string& path) {
  std::vector<std::string> names;
  execution.comm.together([&] { names = read_names(path, "/class_names"); });
  return names;
}

}  // namespace gmmpi
