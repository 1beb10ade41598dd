// Fits of every covariance structure, whose inner iterations start from the covariances before, from
// checkpoints.
#include <catch2/catch.hpp>

#include "checkpoint_support.hpp"

TEST_CASE("structure checkpoint: a fit of any structure continues from any state to the same bits",
          "[serial]") {
  for (const gmmpi::CovarianceStructure* structure : gmmpi::covariance_structures()) {
    INFO(structure->mclust_name());
    gmmpi::FitOptions options = checkpoint_test::RecordedFit::options_for(std::string(structure->name()));
    options.max_iter = 6;
    options.n_init = 1;
    const checkpoint_test::RecordedFit fit(options, in_memory::clusters(300, 4, 3, 1.5, 5), 4);
    REQUIRE(fit.result.n_iter == 6);
    checkpoint_test::check_continued_from_anywhere(fit);
  }
}
