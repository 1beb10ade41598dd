// Quantiles of distributed numbers, and of the chi-square distribution.
// covers: src/model/chi_square.cpp
#include "inference/quantile.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "model/chi_square.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

/// numpy.quantile's default, by sorting.
double plain_quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  const double h = (static_cast<double>(values.size()) - 1) * q;
  const auto below = static_cast<std::size_t>(h);
  if (h == std::floor(h)) return values[below];
  return values[below] + (values[below + 1] - values[below]) * (h - std::floor(h));
}

/// The values whose index leaves this rank's number, as if they lay scattered.
std::vector<double> own_part(const std::vector<double>& values) {
  std::vector<double> part;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (static_cast<int>(i * i % 7) % test_world().size() == test_world().rank()) part.push_back(values[i]);
  return part;
}

}  // namespace

TEST_CASE("quantile: that of the sorted numbers, however they are divided", "[mpi]") {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(normal(random) * std::pow(10.0, i % 5 - 3));
  for (int i = 0; i < 50; ++i) values.push_back(0.25);  // ties
  for (const double v : {0.0, -0.0, 5e-324, -5e-324, 1e300, -1e300, -5e299}) values.push_back(v);
  for (const double q : {0.0, 1e-9, 0.001, 0.01, 0.3, 0.5, 0.509, 0.9, 0.999999, 1.0}) {
    INFO(q);
    CHECK(gmmpi::quantile(test_world(), own_part(values), q) ==
          Approx(plain_quantile(values, q)).epsilon(1e-15).margin(0));
  }
}

TEST_CASE("quantile: a single number, and neighbours in the last bit", "[mpi]") {
  const std::vector<double> one{-3.5};
  CHECK(gmmpi::quantile(test_world(), own_part(one), 0.7) == -3.5);
  // Never beyond the upper neighbour, so that this one is not below the quantile.
  const double x = 1.0, y = std::nextafter(x, 2.0);
  for (const double q : {0.1, 0.4, 0.6, 0.9, 0.999}) {
    const double between = gmmpi::quantile(test_world(), own_part({x, y}), q);
    CHECK((between == x || between == y));
  }
}

TEST_CASE("chi_square_upper_quantile: known quantiles", "[serial]") {
  const gmmpi::KernelTable& kernels = gmmpi::select_kernels();
  struct Known {
    double p;
    int n_degrees;
    double x;
  };
  // scipy.stats.chi2.isf, scipy 1.10.1
  for (const auto& [p, n_degrees, x] : {Known{0.05, 1, 3.8414588206941285},
                                        {0.05, 2, 5.991464547107983},
                                        {0.01, 3, 11.344866730144368},
                                        {1e-5, 4, 28.473255424006034},
                                        {0.999, 1, 1.570797149262492e-06},
                                        {0.5, 10, 9.34181776559197},
                                        {0.9, 64, 49.99629021343765},
                                        {1e-100, 7, 485.59684328569676}}) {
    INFO(p << ", " << n_degrees);
    CHECK(gmmpi::chi_square_upper_quantile(p, n_degrees, kernels) == Approx(x).epsilon(2e-13));
  }
  // Two degrees of freedom: -2 ln p.
  for (const double p : {1e-300, 1e-10, 0.1, 0.7, 0.99999})
    CHECK(gmmpi::chi_square_upper_quantile(p, 2, kernels) == Approx(-2 * std::log(p)).epsilon(1e-14));
}
