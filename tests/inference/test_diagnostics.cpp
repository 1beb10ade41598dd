// Overlaps against numerical integration, condition numbers against known eigenvalues.
// covers: src/inference/condition_numbers.cpp
// covers: src/model/components/gaussian.cpp
#include "gmmpi/inference/diagnostics.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "support/in_memory.hpp"

namespace {

using gmmpi::Mixture;
using in_memory::alone;

Mixture make_model(const std::string& type, const reference::Parameters& parameters) {
  return in_memory::make_model(type, parameters);
}

double normal(double x, double mean, double variance) {
  return std::exp(-0.5 * (x - mean) * (x - mean) / variance) / std::sqrt(2.0 * M_PI * variance);
}

}  // namespace

TEST_CASE("most_overlapping: the bound is the integral of the root of both densities", "[serial]") {
  const std::vector<double> weights{0.2, 0.3, 0.5}, means{0.0, 9.0, 3.0}, variances{1.0, 4.0, 2.0};
  const auto pair = gmmpi::most_overlapping(alone(), make_model("diag", {weights, means, variances}));
  REQUIRE(pair);
  double best = 0.0, smaller = 0.0;
  int a = 0, b = 0;
  for (int k = 0; k < 3; ++k)
    for (int l = 0; l < k; ++l) {
      double bound = 0.0, error = 0.0;
      for (double x = -30.0; x < 40.0; x += 0.001) {
        const double f = weights[l] * normal(x, means[l], variances[l]);
        const double g = weights[k] * normal(x, means[k], variances[k]);
        bound += 0.001 * std::sqrt(f * g);
        error += 0.001 * std::min(f, g);
      }
      if (bound > best) best = bound, smaller = error, a = l, b = k;
    }
  CHECK(pair->a == a);
  CHECK(pair->b == b);
  CHECK(pair->bound == Approx(best).epsilon(1e-9));
  CHECK(smaller < pair->bound);
  CHECK(pair->bound == Approx(std::sqrt(weights[a] * weights[b]) * std::exp(-pair->distance)));
}

TEST_CASE("most_overlapping: the same for every type that holds the same covariances", "[serial]") {
  const std::vector<double> weights{0.5, 0.1, 0.4}, means{0, 0, 3, 3, 4, 0};
  const std::vector<double> full{2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2};
  const auto expected = gmmpi::most_overlapping(alone(), make_model("full", {weights, means, full}));
  CHECK(expected->a == 0);
  CHECK(expected->b == 2);
  const std::vector<std::pair<std::string, std::vector<double>>> others{
      {"tied", {2, 0, 0, 2}}, {"diag", {2, 2, 2, 2, 2, 2}}, {"spherical", {2, 2, 2}}};
  for (const auto& [type, covariances] : others) {
    const auto pair = gmmpi::most_overlapping(alone(), make_model(type, {weights, means, covariances}));
    CHECK(pair->a == expected->a);
    CHECK(pair->b == expected->b);
    CHECK(pair->bound == Approx(expected->bound).epsilon(1e-12));
  }
  CHECK_FALSE(gmmpi::most_overlapping(alone(), make_model("diag", {{1.0}, {0, 0}, {1, 1}})));
}

TEST_CASE("condition_numbers: the ratio of the extreme eigenvalues", "[serial]") {
  // Rotations of (9, 1) by 45 degrees, and of (1, 1).
  const Mixture m = make_model("full", {{0.5, 0.5}, {0, 0, 1, 1}, {5, 4, 4, 5, 1, 0, 0, 1}});
  const std::vector<double> conditions = gmmpi::condition_numbers(m);
  REQUIRE(conditions.size() == 2);
  CHECK(conditions[0] == Approx(9.0).epsilon(1e-12));
  CHECK(conditions[1] == Approx(1.0).epsilon(1e-12));
  CHECK(gmmpi::condition_numbers(make_model("diag", {{1.0}, {0, 0}, {1e-24, 1e24}})) ==
        std::vector<double>{1e48});
  CHECK(gmmpi::condition_numbers(make_model("spherical", {{1.0}, {0, 0}, {3}})) == std::vector<double>{1.0});
  CHECK(gmmpi::condition_numbers(make_model("tied", {{0.5, 0.5}, {0, 0, 1, 1}, {4e200, 0, 0, 1e200}}))
            .front() == Approx(4.0));
  const double nearly =
      gmmpi::condition_numbers(make_model("full", {{1.0}, {0, 0}, {1e20, 0, 0, 1e-20}})).front();
  CHECK(std::isinf(nearly));
}
