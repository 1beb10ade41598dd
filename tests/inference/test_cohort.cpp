// Cohorts: which structures are nested, and what their candidates gain from each other's models.
#include "inference/cohort.hpp"

#include <catch2/catch.hpp>

#include "gmmpi/em/engine.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::CohortFit;
using gmmpi::CovarianceStructure;
using gmmpi::find_structure;
using gmmpi::FitOptions;
using gmmpi::SelectOptions;

bool nested(const std::string& poorer, const std::string& richer) {
  return gmmpi::is_nested(find_structure(poorer), find_structure(richer));
}

}  // namespace

TEST_CASE("cohort: nesting goes by mclust's letters") {
  CHECK(nested("EII", "spherical"));
  CHECK(nested("spherical", "diag"));
  CHECK(nested("diag", "full"));
  CHECK(nested("tied", "full"));
  CHECK(nested("VEI", "VEE"));
  CHECK_FALSE(nested("full", "full"));
  CHECK_FALSE(nested("full", "tied"));
  CHECK_FALSE(nested("tied", "diag"));
  CHECK_FALSE(nested("diag", "tied"));
  CHECK_FALSE(nested("EVE", "EEV"));
  CHECK_FALSE(nested("none", "full"));
  int n = 0;
  for (const CovarianceStructure* a : gmmpi::covariance_structures())
    for (const CovarianceStructure* b : gmmpi::covariance_structures()) {
      if (!gmmpi::is_nested(*a, *b)) continue;
      ++n;
      CHECK(a->n_covariance_parameters(4, 3) < b->n_covariance_parameters(4, 3));
      CHECK_FALSE(gmmpi::is_nested(*b, *a));
    }
  CHECK(n == 61);
}

TEST_CASE("cohort: a candidate that starts badly gets the model of one nested in it", "[mpi]") {
  const gmmpi::Execution execution = in_memory::on(test_world());
  const auto data = in_memory::make_data(execution, in_memory::clusters(600, 2, 3, 6.0, 4), 2);
  SelectOptions options;
  options.n_components = {3};
  options.structures = {&find_structure("full"), &find_structure("spherical")};
  std::vector<std::string> parts;
  const auto fit_part = [&](const std::string& part, const gmmpi::Data& rows, const FitOptions& f) {
    parts.push_back(part);
    FitOptions worse = f;
    if (part == "full.3") worse.max_iter = 0, worse.init = gmmpi::Init::random;  // all components alike
    return in_memory::fit(execution, rows, worse);
  };
  const std::vector<CohortFit> shared = gmmpi::fit_cohort(execution, data, options, 0, 0, fit_part);
  REQUIRE(shared.size() == 2);
  CHECK(shared[0].started_from == &find_structure("spherical"));
  CHECK(shared[0].result.log_likelihood() >= shared[1].result.log_likelihood());
  CHECK(parts ==
        std::vector<std::string>{"full.3", "spherical.3", "full.3.from.spherical", "spherical.3.from.full"});
  options.share_starts = false;
  const std::vector<CohortFit> alone = gmmpi::fit_cohort(execution, data, options, 0, 0, fit_part);
  CHECK(alone[0].result.log_likelihood() < shared[1].result.log_likelihood());
  CHECK(alone[1].started_from == nullptr);
  CHECK(alone[1].result.log_likelihood() <= shared[1].result.log_likelihood());
}
