// Mean and covariance of a mixture.
#include "gmmpi/inference/moments.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "support/in_memory.hpp"

TEST_CASE("mixture_moments: the reference's means and covariances", "[serial]") {
  const nlohmann::json file = reference::load_json("mixture_moments");
  for (const nlohmann::json& block : file.at("models")) {
    INFO(block["source"]);
    const gmmpi::Mixture m = in_memory::make_model(
        block.at("covariance_type"), {reference::flat(block["weights"]), reference::flat(block["means"]),
                                      reference::flat(block["covariances"])});
    const gmmpi::MixtureMoments moments = gmmpi::mixture_moments(m);
    const std::vector<double> mean = reference::flat(block["mean"]),
                              covariance = reference::flat(block["covariance"]);
    REQUIRE(moments.covariance.size() == covariance.size());
    for (std::size_t j = 0; j < mean.size(); ++j) CHECK(moments.mean[j] == Approx(mean[j]).epsilon(1e-13));
    for (std::size_t e = 0; e < covariance.size(); ++e)
      CHECK(moments.covariance[e] == Approx(covariance[e]).epsilon(1e-13));
  }
}

TEST_CASE("mixture_moments: a common offset costs no digits", "[serial]") {
  const gmmpi::Mixture m =
      in_memory::make_model("diag", reference::Parameters{{0.25, 0.75}, {1e9 + 1, 1e9 + 5}, {2.0, 4.0}});
  const gmmpi::MixtureMoments moments = gmmpi::mixture_moments(m);
  CHECK(moments.mean[0] == 1e9 + 4);
  CHECK(moments.covariance[0] == 0.25 * (2 + 9) + 0.75 * (4 + 1));
}
