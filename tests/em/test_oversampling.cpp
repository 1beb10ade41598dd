// k-means||: seeds drawn in rounds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "em/seeding.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

std::vector<double> seeds(const gmmpi::Execution& execution, const gmmpi::Data& data, int K,
                          std::uint64_t seed) {
  std::vector<double> centers;
  int n_rounds = 0;
  gmmpi::seed_centers_in_rounds(execution, data, K, seed, centers, n_rounds, [] {});
  CHECK(n_rounds == 0);
  return centers;
}

}  // namespace

TEST_CASE("seed_centers_in_rounds: seeds are distinct rows of positive weight", "[serial]") {
  std::vector<double> rows, weights;
  for (int n = 0; n < 600; ++n) {
    rows.push_back(n % 30);
    weights.push_back(n % 30 < 12 ? 1.0 : 0.0);
  }
  const auto data = in_memory::make_data(alone(), rows, 1, weights);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<double> centers = seeds(alone(), data, 12, seed);
    std::sort(centers.begin(), centers.end());
    CHECK(centers == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  }
}

TEST_CASE("seed_centers_in_rounds: rounds go on until there are enough different candidates", "[serial]") {
  // A round draws copies of the farthest value, again and again.
  std::vector<double> rows;
  for (int n = 0; n < 600; ++n) rows.push_back(std::pow(100.0, n % 12));
  const auto data = in_memory::make_data(alone(), rows, 1);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const std::vector<double> centers = seeds(alone(), data, 12, seed);
    CHECK(std::set<double>(centers.begin(), centers.end()).size() == 12);
  }
}

TEST_CASE("seed_centers_in_rounds: more seeds than distinct rows is an error", "[mpi]") {
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, std::vector<double>{1, 1, 2, 2, 3, 3}, 1);
  CHECK_THROWS_AS(seeds(execution, data, 4, 0), gmmpi::Error);
  CHECK(seeds(execution, data, 3, 0).size() == 3);
}

TEST_CASE("seed_centers_in_rounds: far clusters get one seed each, small ones too", "[serial]") {
  std::vector<double> rows = in_memory::clusters(2000, 2, 15, 1e4, 81);
  rows.insert(rows.end(), {9e4, 9e4, 9e4, -9e4});  // two more, of one row each
  const auto data = in_memory::make_data(alone(), rows, 2);
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    CHECK(in_memory::inertia(alone(), data, seeds(alone(), data, 17, seed)) < 5.0 * 2 * 2000);
}

TEST_CASE("seed_centers_in_rounds: on average as good as seeds drawn one by one", "[serial]") {
  const auto data = in_memory::make_data(alone(), in_memory::clusters(3000, 4, 20, 2.0, 82), 4);
  double one_by_one = 0.0, in_rounds = 0.0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    std::vector<double> centers;
    gmmpi::seed_centers(alone(), data, 20, gmmpi::SeedRule::distance, seed, centers, [] {});
    one_by_one += in_memory::inertia(alone(), data, centers);
    in_rounds += in_memory::inertia(alone(), data, seeds(alone(), data, 20, seed));
  }
  CHECK(in_rounds < 1.03 * one_by_one);  // 0.97 here; without the candidates' weights 1.2
}

TEST_CASE("seed_centers_in_rounds: five rounds of about 2K different candidates", "[serial]") {
  const auto data = in_memory::make_data(alone(), in_memory::clusters(3000, 4, 20, 2.0, 83), 4);
  double n_candidates = 0.0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<double> centers;
    std::set<int> rounds;
    int n_rounds = 0;
    std::size_t most = 0;
    gmmpi::seed_centers_in_rounds(alone(), data, 20, seed, centers, n_rounds, [&] {
      rounds.insert(n_rounds);
      most = std::max(most, centers.size() / 4);
    });
    CHECK(rounds == std::set<int>{0, 1, 2, 3, 4, 5});
    n_candidates += static_cast<double>(most);
  }
  // Each round draws 40 on average, with a variance below 40: of 100 rounds the mean is off by less than 0.7.
  CHECK(n_candidates / 100.0 == Approx(40.0).margin(3.5));
}

TEST_CASE("seed_centers_in_rounds: continued from any round, they are the same", "[mpi]") {
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, in_memory::clusters(1000, 2, 10, 2.0, 84), 2);
  std::vector<double> whole;
  int n_rounds = 0;
  std::vector<std::pair<int, std::vector<double>>> points;
  gmmpi::seed_centers_in_rounds(execution, data, 10, 3, whole, n_rounds,
                                [&] { points.emplace_back(n_rounds, whole); });
  REQUIRE(points.size() >= 6);
  points.emplace_back(n_rounds, whole);
  for (auto& [n, centers] : points) {
    gmmpi::seed_centers_in_rounds(execution, data, 10, 3, centers, n, [] {});
    CHECK(n == 0);
    CHECK(same_bits(centers, whole));
  }
}

TEST_CASE("seed_centers_in_rounds: the same bits on any layout and with any kernels", "[mpi]") {
  const std::vector<double> rows = in_memory::clusters(4000, 3, 12, 1.5, 85);
  std::vector<double> weights;
  for (int n = 0; n < 4000; ++n) weights.push_back(n % 7 == 3 ? 0.0 : 0.25 * (1 + n % 13));
  const std::vector<double> expected = seeds(alone(), in_memory::make_data(alone(), rows, 3, weights), 12, 7);
  const auto check = [&](const gmmpi::Execution& execution) {
    CHECK(same_bits(seeds(execution, in_memory::make_data(execution, rows, 3, weights), 12, 7), expected));
  };
  for (const int n_threads : {1, 2, 3}) check(on(test_world(), n_threads));
  for (const std::string& kernels : gmmpi::available_kernels()) check(on(test_world(), 2, kernels));
}
