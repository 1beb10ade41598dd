// The equation of the degrees of freedom against 40-digit roots (mpmath 1.2), its limits, the density's peak.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/student_dof.hpp"

namespace {

struct Root {
  double excess, before;
  int d;
  long double dof;
};

constexpr Root kRoots[] = {
    {-0.5, 4.0, 2, 1.737712509724876017906L},  {-0.02, 30.0, 2, 19.71655241115226385417L},
    {-1.5, 0.3, 5, 0.7775489402918428628502L}, {-0.001, 200.0, 41, 194.3147898327240629266L},
    {-3.0, 1.0, 1, 0.4098820062096283926633L}, {-0.0001, 1000.0, 2, 910.8014138124465990866L},
};

}  // namespace

TEST_CASE("solve_dof: the root, as exactly as its equation determines it", "[serial]") {
  for (const auto& [excess, before, d, dof] : kRoots) {
    INFO("excess " << excess << ", before " << before << ", d " << d);
    const double found = gmmpi::solve_dof(excess, before, d, gmmpi::select_kernels());
    const long double expected = std::min(std::max(dof, 0.1L), 1000.0L);
    CHECK(std::abs(found - expected) <= 4e-15 * expected);
  }
}

TEST_CASE("solve_dof: without light tails it ends at the most, without centre at the least", "[serial]") {
  const auto& kernels = gmmpi::select_kernels();
  CHECK(gmmpi::solve_dof(0.0, 1000.0, 2, kernels) == gmmpi::kMostDof);
  CHECK(gmmpi::solve_dof(-1e6, 1.0, 2, kernels) == gmmpi::kLeastDof);
}

TEST_CASE("student_log_peak: Cauchy's density, and in the limit the normal's", "[serial]") {
  const auto& kernels = gmmpi::select_kernels();
  CHECK(gmmpi::student_log_peak(1.0, 1, kernels) == Approx(-std::log(M_PI)).epsilon(1e-15));
  CHECK(gmmpi::student_log_peak(1e12, 3, kernels) == Approx(-1.5 * std::log(2.0 * M_PI)).epsilon(1e-11));
}
