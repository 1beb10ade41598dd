// Gamma variates: moments and tails of many draws, below and above shape 1, from counter-based numbers.
#include <catch2/catch.hpp>
#include <cmath>

#include "data/random.hpp"
#include "model/gamma_draw.hpp"

TEST_CASE("gamma_draw: mean, variance and logarithm of 40,000 draws are those of the distribution",
          "[serial]") {
  const auto& kernels = gmmpi::select_kernels();
  for (const auto& [shape, mean_log] : {std::pair{0.25, -4.2274535333762654},
                                        {1.0, -0.57721566490153286},
                                        {2.5, 0.70315664064524319},
                                        {40.0, 3.6763273740331}}) {
    INFO("shape " << shape);
    const int n = 40000;
    double sum = 0.0, squares = 0.0, logs = 0.0;
    for (int row = 0; row < n; ++row) {
      const double x = gmmpi::gamma_draw(
          shape, [&](int i) { return gmmpi::uniform(9, gmmpi::Purpose::sample_normal, row, i); }, 3, kernels);
      sum += x, squares += (x - shape) * (x - shape), logs += std::log(x);
    }
    const double deviation = std::sqrt(shape / n);
    CHECK(std::abs(sum / n - shape) < 4 * deviation);
    CHECK(squares / n == Approx(shape).epsilon(0.05 + 0.2 / shape / 10));
    CHECK(logs / n == Approx(mean_log).margin(0.02 + 0.08 / shape / 4));
  }
}
