// Starts: seeds, k-means, data moments, components made by hand.
// covers: src/em/seeding.cpp, src/em/data_moments.cpp
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "em/lloyd.hpp"
#include "em/seeding.hpp"
#include "em/start.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::SeedRule;
using in_memory::alone;
using in_memory::on;

std::vector<double> seeds(const gmmpi::Execution& execution, const gmmpi::Data& data, int K, SeedRule rule,
                          std::uint64_t seed) {
  std::vector<double> centers;
  gmmpi::seed_centers(execution, data, K, rule, seed, centers, [] {});
  return centers;
}

}  // namespace

TEST_CASE("seed_centers: seeds are distinct rows of positive weight", "[serial]") {
  std::vector<double> rows, weights;
  for (int n = 0; n < 400; ++n) {
    rows.push_back(n % 20);
    weights.push_back(n % 20 < 8 ? 1.0 : 0.0);
  }
  const auto data = in_memory::make_data(alone(), rows, 1, weights);
  for (const SeedRule rule : {SeedRule::distance, SeedRule::distinct})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<double> centers = seeds(alone(), data, 8, rule, seed);
      std::sort(centers.begin(), centers.end());
      CHECK(centers == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7});
    }
}

TEST_CASE("seed_centers: more seeds than distinct rows is an error", "[serial]") {
  const auto data = in_memory::make_data(alone(), std::vector<double>{1, 1, 2, 2}, 1);
  for (const SeedRule rule : {SeedRule::distance, SeedRule::distinct}) {
    CHECK_THROWS_AS(seeds(alone(), data, 3, rule, 0), gmmpi::Error);
    CHECK(seeds(alone(), data, 2, rule, 0).size() == 2);
  }
}

TEST_CASE("seed_centers: the first seed is drawn in proportion to the weights", "[serial]") {
  // 4000 seeds; four rows of weight 1, 2, 3, 4 far apart in different blocks. Expected shares .1 to .4,
  // standard deviation of a share at most sqrt(.24 / 4000) = 0.008: 5 of them are never reached.
  std::vector<double> rows(256), weights(256, 0.0);
  for (int i = 0; i < 4; ++i) {
    rows[64 * i + 9] = i;
    weights[64 * i + 9] = i + 1.0;
  }
  const auto data = in_memory::make_data(alone(), rows, 1, weights);
  std::map<double, int> count;
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    ++count[seeds(alone(), data, 1, SeedRule::distinct, seed)[0]];
  for (int i = 0; i < 4; ++i) CHECK(std::abs(count[i] / 4000.0 - 0.1 * (i + 1)) < 0.04);
}

TEST_CASE("seed_centers: by distance, far clusters get one seed each", "[serial]") {
  const auto data = in_memory::make_data(alone(), in_memory::clusters(600, 2, 5, 1e4, 61), 2);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<double> centers = seeds(alone(), data, 5, SeedRule::distance, seed);
    int n_sweeps = 0;
    gmmpi::lloyd(alone(), data, 1.0, centers, n_sweeps, [] {});
    CHECK(in_memory::inertia(alone(), data, centers) < 2.0 * 2 * 600);  // within clusters: about 2 per row
  }
}

TEST_CASE("seed_centers: what was drawn before is kept, and drawing goes on as if never stopped",
          "[serial]") {
  const auto data = in_memory::make_data(alone(), in_memory::clusters(300, 2, 3, 3.0, 62), 2);
  for (const SeedRule rule : {SeedRule::distance, SeedRule::distinct}) {
    const std::vector<double> whole = seeds(alone(), data, 6, rule, 5);
    std::vector<double> centers(whole.begin(), whole.begin() + 6);
    gmmpi::seed_centers(alone(), data, 6, rule, 5, centers, [] {});
    CHECK(in_memory::same_bits(centers, whole));
  }
}

TEST_CASE("data_moments: mean and variance of the columns, far from zero and in any unit", "[mpi]") {
  const std::vector<double> noise = in_memory::clusters(1000, 3, 1, 0.0, 63);
  const double scale[] = {1.0, 1e-12, 1e12}, offset[] = {1e9, 0.0, -3e12};
  std::vector<double> rows, weights;
  for (std::size_t e = 0; e < noise.size(); ++e) rows.push_back(scale[e % 3] * noise[e] + offset[e % 3]);
  for (int n = 0; n < 1000; ++n) weights.push_back(0.5 * (n % 4));
  const textbook::Rows view{rows, 3, weights};
  const std::vector<int> labels(1000, 0);
  const auto expected = textbook::m_step("diag", view, textbook::one_hot(labels, 1));
  const auto execution = on(test_world(), 2);
  const auto m = gmmpi::data_moments(execution, in_memory::make_data(execution, rows, 3, weights));
  for (int j = 0; j < 3; ++j) {
    CHECK(m.mean[j] == Approx(static_cast<double>(expected.mean(0, j))).epsilon(1e-15));
    CHECK(m.variance[j] == Approx(static_cast<double>(expected.covariance(0, j, j))).epsilon(1e-13));
  }
}

TEST_CASE("data_moments: the variance of a constant column is 0", "[serial]") {
  std::vector<double> rows;
  for (int n = 0; n < 777; ++n) rows.insert(rows.end(), {0.1, double(n)});
  const auto m = gmmpi::data_moments(alone(), in_memory::make_data(alone(), rows, 2));
  CHECK(m.variance[0] == 0.0);
  CHECK(m.mean[0] == Approx(0.1).epsilon(1e-15));
  CHECK(m.variance[1] > 0.0);
}

TEST_CASE("set_component: the mean and a diagonal covariance, shared ones left alone", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const auto before = in_memory::make_model(
        type, textbook::make_mixture("spherical", std::vector<double>{0.5, 0.5},
                                     std::vector<double>{0, 0, 1, 1}, std::vector<double>{7, 7}));
    gmmpi::Mixture m = before;
    gmmpi::set_component(m, 1, {5, 6}, {2, 4});
    CHECK(m.means == std::vector<double>{0, 0, 5, 6});
    CHECK(gmmpi::full_covariance(m, 0) == std::vector<double>{7, 0, 0, 7});
    std::vector<double> expected = {2, 0, 0, 4};
    if (type == "tied") expected = {7, 0, 0, 7};
    if (type == "spherical") expected = {3, 0, 0, 3};
    CHECK(gmmpi::full_covariance(m, 1) == expected);
  }
}
