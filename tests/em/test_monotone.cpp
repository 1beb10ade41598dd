// By default, and without regularisation, no iteration of EM lowers what it raises.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::Init;

/// Small data of many kinds: plain, a sum of columns, few values, one row many times, a constant column, far groups.
std::vector<double> rows_of(int kind, int n, int d, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> scale(d), rows(std::size_t(n) * d);
  for (double& s : scale) s = std::pow(10.0, static_cast<int>(random() % 7) - 3);
  for (int i = 0; i < n; ++i) {
    double* x = rows.data() + std::size_t(i) * d;
    for (int j = 0; j < d; ++j) x[j] = scale[j] * normal(random);
    if (kind == 1 && d > 1) {
      x[0] = 0.0;
      for (int j = 1; j < d; ++j) x[0] += x[j];
    }
    for (int j = 0; kind == 2 && j < d; ++j) x[j] = std::round(2.0 * x[j] / scale[j]);
    for (int j = 0; kind == 3 && i % 2 == 1 && j < d; ++j) x[j] = rows[j];
    if (kind == 4 && d > 1) x[d - 1] = 7.0;
    for (int j = 0; kind == 5 && j < d; ++j) x[j] += 1e6 * (i % 3);
  }
  return rows;
}

/// Falls of what the engine raises, beyond rounding, but where a component was replaced.
int falls(const gmmpi::FitResult& r, const gmmpi::Engine& engine) {
  const std::vector<double>& raised = r.values(engine.objective().trace);
  int count = 0;
  for (std::size_t i = 1; i < raised.size(); ++i) {
    const bool replaced = std::ranges::any_of(
        r.reseeds, [&](const gmmpi::Reseed& e) { return e.iteration == static_cast<int>(i); });
    count += !replaced && raised[i] < raised[i - 1] - 1e-9 * std::max(1.0, std::abs(raised[i]));
  }
  return count;
}

}  // namespace

TEST_CASE("monotone: no iteration of several hundred random fits lowers the likelihood", "[serial]") {
  const std::vector<std::string> types = gmmpi::covariance_types();
  int n_floored = 0, n_fits = 0;
  for (int i = 0; i < 480; ++i) {
    std::mt19937_64 random(i);
    const int d = 1 + static_cast<int>(random() % 5), n = 8 + static_cast<int>(random() % 112);
    const int K = 1 + static_cast<int>(random() % std::min(8, n / 4)), kind = i / 4 % 6;
    const std::vector<double> rows = rows_of(kind, n, d, random);
    gmmpi::FitOptions options;
    options.n_components = K;
    options.structure = &gmmpi::find_structure(types[i % types.size()]);
    options.init = std::vector{Init::kmeans, Init::random, Init::random_from_data, Init::kmeans_plusplus}[i / 24 % 4];
    options.engine = i % 7 == 3 ? &gmmpi::find_engine("hard") : &gmmpi::find_engine("em");
    options.max_iter = 60;
    options.seed = static_cast<std::uint64_t>(i);
    // Without a floor, a covariance over far groups is so nearly singular that its rounding shows.
    if (i % 5 == 4 && kind != 5) options.reg_covar = 0.0;
    INFO("case " << i << ": " << types[i % types.size()] << ", kind " << kind << ", " << n << " x " << d << ", K " << K);
    const auto data = in_memory::make_data(in_memory::alone(), rows, d);
    try {
      const gmmpi::FitResult result = in_memory::fit(in_memory::alone(), data, options);
      CHECK(in_memory::all_finite(result));
      CHECK(falls(result, *options.engine) == 0);
      n_floored += !result.model.floored.empty();
      ++n_fits;
    } catch (const gmmpi::Error&) {
      // fewer distinct rows than components, or singular without a floor
    }
  }
  CHECK(n_fits > 380);
  CHECK(n_floored > 100);  // else the floor was not tried
}
