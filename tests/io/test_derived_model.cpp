// Tests of model files that no fit made, and of the names of a model's columns.
// covers: src/io/model_file.cpp
#include "gmmpi/io/derived_model.hpp"

#include "gmmpi/io/model_file.hpp"
#include "io/hdf5_values.hpp"
#include "io_support.hpp"
#include "support/in_memory.hpp"

using namespace gmmpi;
using namespace io_test;

namespace {

using Names = std::vector<std::string>;

DerivedModel example(const std::string& type) {
  const std::map<std::string, std::vector<double>> covariances{{"full", {1, 0.5, 0.5, 2, 3, 0, 0, 4}},
                                                               {"tied", {1, 0.5, 0.5, 2}},
                                                               {"diag", {1, 2, 3, 4}},
                                                               {"spherical", {1, 2}}};
  const reference::Parameters parameters{{0.25, 0.75}, {1, 2, 3, 4}, covariances.at(type)};
  return {in_memory::make_model(type, parameters), {}, {}, {{"command", "marginal"}}, "asked for"};
}

}  // namespace

TEST_CASE("derived model: what is written is read back, for every type", "[mpi]") {
  const TemporaryDirectory dir;
  for (const std::string& type : covariance_types()) {
    const std::string path = dir / (type + ".h5");
    DerivedModel model = example(type);
    model.feature_names = {"width", "height"};
    on_root([&] { write_derived_model(path, model); });
    const Execution execution = in_memory::on(test_world());
    const Mixture m = read_model(execution, path);
    CHECK(m.structure == model.mixture.structure);
    CHECK(m.weights == model.mixture.weights);
    CHECK(m.means == model.mixture.means);
    CHECK(m.covariances == model.mixture.covariances);
    CHECK(read_feature_names(execution, path, 2) == model.feature_names);
    CHECK(request_of(path) == "asked for");
    const h5::Handle file = h5::open_file(path, path), group = h5::open_group(file, "/model");
    CHECK(h5::read_attribute<std::string>(file, "filetype") == "gmmpi-model");
    CHECK(h5::read_attribute<std::int64_t>(group, "n_features") == 2);
    CHECK(h5::read_attribute<std::int64_t>(group, "n_parameters") == m.n_parameters());
    CHECK(h5::read_dataset<double>(group, "precisions_cholesky") == m.precisions_cholesky);
    CHECK_FALSE(h5::has_attribute(group, "log_density_given"));
  }
}

TEST_CASE("derived model: its digest is that of the group /model, and of nothing else", "[serial]") {
  const TemporaryDirectory dir;
  const DerivedModel model = example("full");
  const std::string path = dir / "m.h5", digest = write_derived_model(path, model);
  DerivedModel named = model, given = model, moved = model;
  named.feature_names = {"a", "b"};
  named.request = "other";
  named.options["command"] = "condition";
  given.log_density_given = -3.25;
  moved.mixture.means[3] = 4.5;
  CHECK(write_derived_model(path, named) == digest);
  CHECK(write_derived_model(path, moved) != digest);
  CHECK(write_derived_model(path, given) != digest);
  const h5::Handle file = h5::open_file(path, path);
  CHECK(h5::read_attribute<double>(h5::open_group(file, "/model"), "log_density_given") == -3.25);
}

TEST_CASE("feature names: none, and as many as columns", "[mpi]") {
  const TemporaryDirectory dir;
  const std::string path = dir / "m.h5";
  DerivedModel model = example("diag");
  const Execution execution = in_memory::on(test_world());
  on_root([&] { write_derived_model(path, model); });
  CHECK(read_feature_names(execution, path, 2) == Names{});
  model.feature_names = {"a", "b", "c"};
  on_root([&] { write_derived_model(path, model); });
  CHECK_THAT(error_of([&] { read_feature_names(execution, path, 2); }),
             StartsWith("65 " + path + ": /feature_names holds 3 names for 2 columns"));
}

TEST_CASE("model file: names of columns are stored and count in no digest", "[serial]") {
  const TemporaryDirectory dir;
  ModelRecord record;
  record.options = in_memory::exactly(0, example("diag").mixture);
  record.result.model = example("diag").mixture;
  record.result.history = {-1.0};
  record.result.reg_covar = {0.0, 0.0};
  record.data.total_weight = 1.0;
  const std::string digest = write_model(dir / "m.h5", record);
  CHECK(read_feature_names(in_memory::alone(), dir / "m.h5", 2) == Names{});
  record.feature_names = {"width", "height"};
  CHECK(write_model(dir / "m.h5", record) == digest);
  CHECK(read_feature_names(in_memory::alone(), dir / "m.h5", 2) == record.feature_names);
}
