// RelativeWeights: w_n (n / S), on any ranks, of weights in any unit.
#include "data/relative_weights.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

std::vector<double> relative(const std::vector<double>& weights) {
  in_memory::VectorReader reader(weights, 1, gmmpi::ElementType::f8, "w.npy");
  gmmpi::RelativeWeights scaled(in_memory::on(test_world()), reader);
  std::vector<double> out(weights.size());
  scaled.read(0, std::ssize(out), out.data());
  return out;
}

}  // namespace

TEST_CASE("relative_weights: they sum to the number of rows that have any", "[mpi]") {
  CHECK(relative({1, 0, 3, 4}) == std::vector<double>{0.375, 0, 1.125, 1.5});
  std::vector<double> weights;
  long double sum = 0.0;
  for (int n = 0; n < 1000; ++n) weights.push_back(n % 3 == 0 ? 0.0 : 1.0 / (n + 1)), sum += weights.back();
  const double factor = 666 / static_cast<double>(sum);
  const std::vector<double> scaled = relative(weights);
  for (std::size_t n = 0; n < weights.size(); ++n) REQUIRE(scaled[n] == weights[n] * factor);
  for (const int power : {-1000, 1000}) {  // the sum of the large ones is beyond double
    std::vector<double> other;
    for (const double w : weights) other.push_back(std::ldexp(w, power));
    CHECK(relative(other) == scaled);
  }
  CHECK(relative({1e308, 1e308, 1e308}) == std::vector<double>{1, 1, 1});
  CHECK(relative({5e-324, 0, 5e-324}) == std::vector<double>{1, 0, 1});
}

TEST_CASE("relative_weights: weights that are none", "[mpi]") {
  CHECK_THROWS_WITH(relative({0, 0}), Catch::Contains("w.npy: every sample weight is zero"));
  CHECK_THROWS_WITH(relative({1, -1}), Catch::Contains("the weight of row 1 is negative"));
}
