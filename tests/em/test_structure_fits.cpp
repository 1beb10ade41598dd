// Fits with mclust's structures: the same bits everywhere, at the floor, from other starts, and what is
// covers: src/model/floored_step.cpp
// refused.
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/structure_letters.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;

gmmpi::FitOptions options_for(const gmmpi::CovarianceStructure& structure, int K) {
  gmmpi::FitOptions options;
  options.n_components = K;
  options.structure = &structure;
  options.tol = 0.0;
  options.max_iter = 5;
  options.seed = 3;
  return options;
}

double violation_of(const gmmpi::Mixture& m) {
  return letters::violation(letters::covariances_of(m), m.structure->mclust_name());
}

}  // namespace

TEST_CASE("structure fits: every structure has the same bits on any ranks, threads and kernels", "[mpi]") {
  const std::vector<double> rows = in_memory::clusters(1500, 3, 4, 2.0, 9);
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures())
    for (const gmmpi::Init init : {gmmpi::Init::kmeans, gmmpi::Init::random_from_data}) {
      INFO(structure->mclust_name());
      gmmpi::FitOptions options = options_for(*structure, 4);
      options.init = init;
      const gmmpi::FitResult expected =
          in_memory::fit(alone(), in_memory::make_data(alone(), rows, 3), options);
      for (const char* kernels : {"auto", "scalar"}) {
        const gmmpi::Execution all = in_memory::on(test_world(), 2, kernels);
        const gmmpi::FitResult actual = in_memory::fit(all, in_memory::make_data(all, rows, 3), options);
        CHECK(in_memory::same_bits(actual.model.covariances, expected.model.covariances));
        CHECK(in_memory::same_bits(actual.history, expected.history));
      }
    }
}

TEST_CASE("structure fits: the log-likelihood never falls, also at the floor, and such components are marked",
          "[serial]") {
  // A cluster without variance in one column, one in which two columns are equal, and a point ten times.
  std::vector<double> rows = in_memory::clusters(240, 3, 4, 3.0, 21);
  for (std::size_t n = 0; n < 240; ++n) {
    double* x = rows.data() + 3 * n;
    if (n % 4 == 0) x[1] = 8.0;
    if (n % 4 == 1) x[2] = x[0] + 20.0;
    if (n % 4 == 2 && n < 40) x[0] = x[1] = x[2] = -15.0;
  }
  const auto data = in_memory::make_data(alone(), rows, 3);
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures())
    for (const int K : {2, 4, 6}) {
      INFO(structure->mclust_name() << ", K " << K);
      gmmpi::FitOptions options = options_for(*structure, K);
      options.init = gmmpi::Init::kmeans_plusplus;
      options.max_iter = 60;
      const gmmpi::FitResult r = in_memory::fit(alone(), data, options);
      CHECK(in_memory::all_finite(r));
      for (std::size_t i = 1; i < r.history.size() && r.reseeds.empty(); ++i)
        REQUIRE(r.history[i] >= r.history[i - 1] - 1e-9 * std::abs(r.history[i]));
      const bool own_shape = structure->mclust_name()[1] == 'V';
      if (own_shape && K == 6) CHECK_FALSE(r.model.floored.empty());
    }
}

TEST_CASE("structure fits: a start of another type is turned into the structure", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(400, 3, 3, 1.5, 8);
  const auto data = in_memory::make_data(alone(), rows, 3);
  gmmpi::FitOptions options = options_for(gmmpi::find_structure("full"), 3);
  const gmmpi::Mixture full = in_memory::fit(alone(), data, options).model;
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->mclust_name());
    const gmmpi::Mixture start = gmmpi::with_structure(full, *structure, *alone().kernels);
    CHECK(start.structure == structure);
    CHECK(violation_of(start) < 1e-12);
    options.structure = structure;
    options.init = gmmpi::Init::model;
    options.start = full;
    const gmmpi::FitResult r = in_memory::fit(alone(), data, options);
    CHECK(violation_of(r.model) < 1e-12);
    for (std::size_t i = 1; i < r.history.size(); ++i) CHECK(r.history[i] >= r.history[i - 1]);
    options.fixed.covariances = true;
    CHECK(in_memory::same_bits(in_memory::fit(alone(), data, options).model.covariances, start.covariances));
    options.fixed.covariances = false;
  }
}

TEST_CASE("structure fits: accelerated where the structure allows it, else refused", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(300, 3, 3, 1.0, 4);
  const auto data = in_memory::make_data(alone(), rows, 3);
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->mclust_name());
    gmmpi::FitOptions options = options_for(*structure, 3);
    options.init = gmmpi::Init::random_from_data;
    options.accelerate = gmmpi::Acceleration::lbfgs;
    options.max_iter = 30;
    if (structure->extrapolates()) {
      const gmmpi::FitResult r = in_memory::fit(alone(), data, options);
      CHECK(violation_of(r.model) < 1e-10);
      CHECK(r.n_sweeps > 0);
    } else {
      CHECK_THROWS_WITH(in_memory::fit(alone(), data, options),
                        Catch::Contains("`accelerate`") && Catch::Contains(std::string(structure->name())));
    }
  }
}
