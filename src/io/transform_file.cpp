// Transform files: layout, digest.
#include "gmmpi/io/transform_file.hpp"

#include "gmmpi/error.hpp"
#include "io/atomic_file.hpp"
#include "io/fit_fields.hpp"

namespace gmmpi {

std::string write_components(const std::string& path, const ComponentRecord& r) {
  std::vector<Field> fields = transform_fields(r.transform);
  const std::vector<Index> dims{r.transform.n_outputs()};
  std::vector<double> ratio = r.variance;
  for (double& value : ratio) value /= r.total_variance;
  fields.push_back({"transform", "explained_variance", Doubles{r.variance, dims}, true});
  fields.push_back({"transform", "explained_variance_ratio", Doubles{ratio, dims}, true});
  fields.push_back({"transform", "total_variance", r.total_variance, true});
  const std::string own_digest = digest(fields);
  fields.push_back({"transform", "digest", own_digest, false});
  fields.push_back({"", "filetype", std::string("gmmpi-transform"), false});
  fields.push_back({"", "format_version", std::int64_t{1}, false});
  fields.push_back({"", "gmmpi_version", std::string(GMMPI_VERSION), false});
  fields.push_back({"", "request", r.request, false});
  for (const auto& [name, value] : r.options) fields.push_back({"options", name, value, false});
  write_file_atomically(path, h5::make_image([&](hid_t file) {
                          write_fields(file, fields);
                          if (!r.feature_names.empty())
                            h5::write_dataset(file, "/feature_names", r.feature_names);
                        }));
  return own_digest;
}

Transform read_transform(const Execution& execution, const std::string& path) {
  Transform transform;
  execution.comm.together([&] {
    transform = read_transform_group(h5::open_file(path, path), path);
    if (transform.empty())
      throw Error(ExitCode::bad_data,
                  path +
                      ": has no group /transform; give a file that gmmpi pca, or gmmpi fit with "
                      "`standardize` or `pca`, wrote");
  });
  return transform;
}

}  // namespace gmmpi
