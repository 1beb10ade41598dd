// A repeated point, a constant column, a component for a single row: the fit ends well by default and with a
// prior, and says what is wrong where it is to fail.
// covers: src/em/collapse.cpp
#include <catch2/catch.hpp>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::on;

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

/// Two clusters in three columns, and what leads to a singular covariance. The third component's start lies
/// where it will collapse.
struct Trap {
  std::string name;
  std::vector<double> rows;
  std::vector<double> means;  ///< (3, d)
};

std::vector<Trap> traps() {
  const std::vector<double> good = in_memory::clusters(300, 3, 2, 4.0, 5);
  std::vector<double> means(good.begin(), good.begin() + 6);
  means.insert(means.end(), {40.0, 41.0, 42.0});
  Trap repeated{"repeated point", good, means}, lone{"single row", good, means},
      constant{"constant column", good, means};
  for (int i = 0; i < 20; ++i) repeated.rows.insert(repeated.rows.end(), {40.0, 41.0, 42.0});
  lone.rows.insert(lone.rows.end(), {40.0, 41.0, 42.0});
  for (std::size_t e = 2; e < good.size(); e += 3) constant.rows[e] = 7.0;
  for (int k = 0; k < 3; ++k) constant.means[3 * k + 2] = 7.0;
  for (int j = 0; j < 2; ++j) constant.means[6 + j] = good[6 + j];
  return {repeated, lone, constant};
}

gmmpi::FitOptions options_of(const Trap& trap, const std::string& type) {
  std::vector<double> unit{1, 1, 1};
  if (type == "full" || type == "tied") unit = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  if (type == "spherical") unit = {1};
  std::vector<double> covariances;
  for (int k = 0; k < (type == "tied" ? 1 : 3); ++k)
    covariances.insert(covariances.end(), unit.begin(), unit.end());
  gmmpi::FitOptions options;
  options.n_components = 3;
  options.structure = &gmmpi::find_structure(type);
  options.init = gmmpi::Init::model;
  options.start =
      in_memory::make_model(type, reference::Parameters{{0.4, 0.4, 0.2}, trap.means, covariances});
  return options;
}

}  // namespace

TEST_CASE("singularities: by default the fit ends with a proper model, on any ranks", "[mpi]") {
  const auto execution = on(test_world());
  for (const Trap& trap : traps())
    for (const std::string& type : kTypes) {
      INFO(trap.name << ", " << type);
      const auto data = in_memory::make_data(execution, trap.rows, 3);
      for (const std::optional<double>& reg_covar : {std::optional<double>(), std::optional<double>(1e-6)}) {
        gmmpi::FitOptions options = options_of(trap, type);
        options.reg_covar = reg_covar;
        const auto result = in_memory::fit(execution, data, options);
        CHECK(result.converged);
        CHECK(in_memory::all_finite(result));
      }
    }
}

TEST_CASE("singularities: with a prior nothing collapses, without any other help", "[mpi]") {
  const auto execution = on(test_world());
  for (const Trap& trap : traps())
    for (const std::string& type : kTypes)
      for (const double shrinkage : {0.0, 0.01}) {
        INFO(trap.name << ", " << type << ", shrinkage " << shrinkage);
        const auto data = in_memory::make_data(execution, trap.rows, 3);
        gmmpi::FitOptions options = options_of(trap, type);
        options.prior = gmmpi::PriorOptions();
        options.prior->shrinkage = shrinkage;
        options.fail_on_collapse = true;
        const auto result = in_memory::fit(execution, data, options);
        CHECK(result.converged);
        CHECK(in_memory::all_finite(result));
        for (const double added : result.reg_covar) CHECK(added == 0.0);
        for (std::size_t i = 1; i < result.traces["log_posterior"].size(); ++i)
          CHECK(result.traces["log_posterior"][i] >= result.traces["log_posterior"][i - 1] - 1e-9);
      }
}

TEST_CASE("singularities: where a collapse is to fail, it says so", "[mpi]") {
  const auto execution = on(test_world());
  for (const Trap& trap : traps())
    for (const std::string& type : kTypes) {
      if (type == "tied" && trap.name != "constant column") continue;  // shared with all rows, and proper
      if (type == "spherical" && trap.name == "constant column") continue;  // so is the mean of its columns
      INFO(trap.name << ", " << type);
      const auto data = in_memory::make_data(execution, trap.rows, 3);
      gmmpi::FitOptions options = options_of(trap, type);
      options.reg_covar = 0.0;
      options.fail_on_collapse = true;
      try {
        in_memory::fit(execution, data, options);
        FAIL_CHECK("nothing collapsed");
      } catch (const gmmpi::Error& e) {
        CHECK(e.code() == gmmpi::ExitCode::numerical);
        CHECK_THAT(e.what(), Catch::Contains("collapsed at iteration") && Catch::Contains("`prior` auto"));
      }
    }
}
