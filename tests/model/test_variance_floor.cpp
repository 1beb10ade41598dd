// The variance floor: the constrained maximum, its factors, and components that it does not touch.
#include "model/variance_floor.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Mixture;
using in_memory::alone;

/// One component at 0 with this covariance.
Mixture one(const std::string& type, int d, const std::vector<double>& covariance) {
  Mixture m;
  m.structure = &gmmpi::find_structure(type);
  m.n_components = 1;
  m.n_features = d;
  m.weights = {1.0};
  m.means.assign(d, 0.0);
  m.covariances = covariance;
  return m;
}

/// The scatter of n rows of d normal numbers, divided by n: of rank n.
std::vector<double> scatter(int n, int d, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> s(std::size_t(d) * d, 0.0), x(d);
  for (int row = 0; row < n; ++row) {
    for (double& e : x) e = normal(random);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j) s[i * d + j] += x[i] * x[j] / n;
  }
  return s;
}

/// 2 ln det U - tr(U U^T S): what the M-step maximises, per row and but for constants and a factor 2.
double objective(const Mixture& m, const std::vector<double>& s) {
  const int d = m.n_features;
  double trace = 0.0;
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j)
      for (int l = 0; l < d; ++l)
        trace += m.precisions_cholesky[i * d + l] * m.precisions_cholesky[j * d + l] * s[i * d + j];
  return 2.0 * m.log_det[0] - trace;
}

}  // namespace

TEST_CASE("variance_floor: covariances above it stay as they are, bit for bit", "[serial]") {
  const std::vector<double> floor(4, 1e-6);
  Mixture plain = one("full", 4, scatter(20, 4, 1)), floored = plain;
  REQUIRE(gmmpi::factorise(plain, alone()).empty());
  REQUIRE(gmmpi::factorise_above(floored, floor, alone()).empty());
  CHECK(floored.floored.empty());
  CHECK(in_memory::same_bits(plain.covariances, floored.covariances));
  CHECK(in_memory::same_bits(plain.precisions_cholesky, floored.precisions_cholesky));
}

TEST_CASE("variance_floor: matrices of low rank become the likeliest ones above it", "[serial]") {
  const int d = 4;
  const std::vector<double> floor = {0.1, 0.02, 0.4, 0.1};
  const std::vector<double> s = scatter(2, d, 2);
  for (const char* type : {"full", "tied"}) {
    Mixture m = one(type, d, s);
    REQUIRE(gmmpi::factorise_above(m, floor, alone()).empty());
    CHECK(m.floored == std::vector<int>{0});
    CHECK(m.narrowest(0, floor).variance == Approx(1.0).epsilon(1e-12));
    // U U^T is the inverse of the covariance.
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j) {
        double sum = 0.0;
        for (int a = 0; a < d; ++a)
          for (int b = 0; b < d; ++b)
            sum += m.precisions_cholesky[i * d + b] * m.precisions_cholesky[a * d + b] * m.covariances[a * d + j];
        CHECK(sum == Approx(i == j ? 1.0 : 0.0).margin(1e-12));
        if (i > j) CHECK(m.precisions_cholesky[i * d + j] == 0.0);
      }
    // No covariance above the floor that lies between it and some other one is likelier.
    const double best = objective(m, s);
    for (unsigned seed = 0; seed < 50; ++seed) {
      Mixture other = one(type, d, scatter(9, d, 100 + seed));
      for (int e = 0; e < d * d; ++e)
        other.covariances[e] = 0.99 * m.covariances[e] + 0.01 * (other.covariances[e] + (e % (d + 1) == 0 ? floor[e / d] : 0.0));
      REQUIRE(gmmpi::factorise(other, alone()).empty());
      CHECK(objective(other, s) < best);
    }
  }
}

TEST_CASE("variance_floor: a tiny floor keeps its digits in the factor", "[serial]") {
  // Rank 1 in two columns that are equal: the floored direction is (1, -1) / sqrt 2.
  const double f = 1e-12;
  Mixture m = one("full", 2, {3.0, 3.0, 3.0, 3.0});
  REQUIRE(gmmpi::factorise_above(m, std::vector<double>{f, f}, alone()).empty());
  CHECK(m.log_det[0] == Approx(-0.5 * (std::log(6.0) + std::log(f))).epsilon(1e-14));
  const gmmpi::Narrowest narrowest = m.narrowest(0, std::vector<double>{f, f});
  CHECK(narrowest.variance == Approx(1.0).epsilon(1e-9));
  CHECK(std::abs(narrowest.direction[0] + narrowest.direction[1]) < 1e-9);
  CHECK(gmmpi::factorise(m, alone()).empty());  // keeps it
  CHECK(m.log_det[0] == Approx(-0.5 * (std::log(6.0) + std::log(f))).epsilon(1e-14));
}

TEST_CASE("variance_floor: variances, and those that all columns share", "[serial]") {
  Mixture diag = one("diag", 3, {1.0, 0.0, 0.5});
  REQUIRE(gmmpi::factorise_above(diag, std::vector<double>{0.1, 0.2, 0.3}, alone()).empty());
  CHECK(diag.covariances == std::vector<double>{1.0, 0.2, 0.5});
  CHECK(diag.floored == std::vector<int>{0});
  CHECK(diag.precisions_cholesky[1] == 1.0 / std::sqrt(0.2));
  CHECK(diag.narrowest(0, std::vector<double>{0.1, 0.2, 0.3}).direction ==
        std::vector<double>{0.0, 1.0, 0.0});
  Mixture spherical = one("spherical", 3, {0.1});
  REQUIRE(gmmpi::factorise_above(spherical, std::vector<double>{0.1, 0.2, 0.3}, alone()).empty());
  CHECK(spherical.covariances[0] == Approx(0.2).epsilon(1e-15));
  CHECK(spherical.floored == std::vector<int>{0});
  Mixture above = one("diag", 2, {1.0, 2.0});
  REQUIRE(gmmpi::factorise_above(above, std::vector<double>{0.5, 0.5}, alone()).empty());
  CHECK(above.floored.empty());
}

TEST_CASE("variance_floor: what is not finite is reported", "[serial]") {
  Mixture m = one("full", 2, {1.0, 0.0, 0.0, std::numeric_limits<double>::infinity()});
  CHECK(gmmpi::factorise_above(m, std::vector<double>{0.5, 0.5}, alone()) == std::vector<int>{0});
}
