// Quantiles of squared distances under Student's t against 20-digit values (mpmath 1.2), and their limit.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/chi_square.hpp"
#include "model/student_tail.hpp"

namespace {

struct Quantile {
  double p;
  int d;
  double dof;
  long double value;
};

constexpr Quantile kQuantiles[] = {
    {0.01, 2, 4.0, 35.999999999999999584L},     {0.5, 1, 0.1, 28303.376324984265826L},
    {0.001, 41, 8.5, 371.18594649977020774L},   {0.05, 3, 10000.0, 7.8173912168726368515L},
    {0.9, 1, 3.0, 0.01865906806667286028L},     {0.99, 64, 30.0, 31.88686761332636691L},
    {1e-10, 2, 2.0, 19999999997.999999271L},    {0.05, 2, 1000.0, 6.0094492711556974335L},
    {0.999, 1, 0.5, 3.4376047260836361862e-6L},
};

}  // namespace

TEST_CASE("student_distance_quantile: 12 digits in both tails", "[serial]") {
  for (const auto& [p, d, dof, value] : kQuantiles) {
    INFO("p " << p << ", d " << d << ", dof " << dof);
    CHECK(std::abs(gmmpi::student_distance_quantile(p, d, dof, gmmpi::select_kernels()) - value) <=
          1e-12L * value);
  }
}

TEST_CASE("student_distance_quantile: with many degrees of freedom that of chi-square", "[serial]") {
  const auto& kernels = gmmpi::select_kernels();
  for (const double p : {1e-6, 0.025, 0.7})
    for (const int d : {1, 2, 17})
      CHECK(gmmpi::student_distance_quantile(p, d, 1e9, kernels) ==
            Approx(gmmpi::chi_square_upper_quantile(p, d, kernels)).epsilon(1e-7));
}
