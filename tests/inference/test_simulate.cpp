// Random mixtures: exactly separated, of the asked shape, the same for the same seed; rows with errors.
// covers: src/inference/noisy_sample.cpp
#include "gmmpi/inference/simulate.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/inference/noisy_sample.hpp"
#include "gmmpi/inference/sample.hpp"
#include "inference/collected_rows.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Mixture;
using gmmpi::RandomMixture;

Mixture draw(const std::string& type, int K, int d, double separation, std::uint64_t seed = 1, int a = 5) {
  const RandomMixture wanted{K, d, &gmmpi::find_structure(type), separation, a, seed};
  return gmmpi::random_mixture(wanted, *in_memory::alone().kernels);
}

/// The largest x^T Sigma x over unit vectors, by the power method.
double largest_eigenvalue(const std::vector<double>& sigma, int d) {
  std::vector<double> x(d, 1.0);
  double norm = 1.0;
  for (int step = 0; step < 3000; ++step) {
    std::vector<double> y(d, 0.0);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j) y[i] += sigma[i * d + j] * x[j];
    norm = 0.0;
    for (const double v : y) norm += v * v;
    norm = std::sqrt(norm);
    for (int i = 0; i < d; ++i) x[i] = y[i] / norm;
  }
  return norm;
}

}  // namespace

TEST_CASE("simulate: the closest pair is separated as asked for", "[serial]") {
  for (const char* type : {"full", "tied", "diag", "spherical"})
    for (const double c : {0.5, 3.0}) {
      const int K = 6, d = 4;
      const Mixture m = draw(type, K, d, c);
      INFO(type);
      double least = 1e300;
      for (int i = 0; i < K; ++i)
        for (int l = 0; l < i; ++l) {
          double squares = 0.0;
          for (int j = 0; j < d; ++j) squares += std::pow(m.means[i * d + j] - m.means[l * d + j], 2);
          const double widest = std::max(largest_eigenvalue(gmmpi::full_covariance(m, i), d),
                                         largest_eigenvalue(gmmpi::full_covariance(m, l), d));
          CHECK(widest <= 1.0 + 1e-12);
          least = std::min(least, std::sqrt(squares / (d * widest)));
        }
      CHECK(least == Approx(c).epsilon(1e-9));
    }
}

TEST_CASE("simulate: a sound model, with variances between 0.1 and 1 in every direction", "[serial]") {
  for (const char* type : {"full", "tied", "diag", "spherical"}) {
    Mixture m = draw(type, 3, 5, 2.0, 9);
    INFO(type);
    CHECK_NOTHROW(gmmpi::validate(m, *in_memory::alone().kernels, "drawn"));
    CHECK(m.precisions_cholesky.size() == m.covariances.size());
    for (int k = 0; k < 3; ++k) {
      std::vector<double> sigma = gmmpi::full_covariance(m, k);
      for (int j = 0; j < 5; ++j) sigma[j * 6] -= 0.1 - 1e-9;  // still positive definite
      Mixture less =
          in_memory::make_model("full", reference::Parameters{{1.0}, std::vector<double>(5), sigma});
      CHECK(gmmpi::factorise(less, *in_memory::alone().kernels).empty());
    }
  }
}

TEST_CASE("simulate: seeds, weights, one component, no separation", "[serial]") {
  const Mixture a = draw("full", 4, 3, 2.0, 7), b = draw("full", 4, 3, 2.0, 7),
                other = draw("full", 4, 3, 2.0, 8);
  CHECK(in_memory::same_bits(a.covariances, b.covariances));
  CHECK(in_memory::same_bits(a.means, b.means));
  CHECK_FALSE(in_memory::same_bits(a.means, other.means));
  double sum = 0.0, uneven = 0.0, even = 0.0;
  // Variance of a weight: (1/K)(1 - 1/K) / (K a + 1). Of 2000 draws its standard error is 3 %.
  for (int seed = 0; seed < 2000; ++seed) {
    uneven += std::pow(draw("diag", 2, 1, 1.0, seed, 1).weights[0] - 0.5, 2) / 2000;
    even += std::pow(draw("diag", 2, 1, 1.0, seed, 50).weights[0] - 0.5, 2) / 2000;
  }
  CHECK(uneven == Approx(0.25 / 3.0).epsilon(0.12));
  CHECK(even == Approx(0.25 / 101.0).epsilon(0.12));
  for (const double w : a.weights) sum += w;
  CHECK(sum == Approx(1.0).epsilon(1e-14));
  CHECK(draw("tied", 1, 2, 2.0).weights[0] == 1.0);
  const Mixture alike = draw("full", 3, 2, 0.0);
  CHECK(std::ranges::all_of(alike.means, [](double x) { return x == 0.0; }));
  CHECK_THROWS_WITH(draw("full", 0, 2, 1.0), Catch::Contains("`n_components`"));
  CHECK_THROWS_WITH(draw("full", 2, 2, -1.0), Catch::Contains("`separation`"));
  CHECK_THROWS_WITH(draw("none", 2, 2, 1.0), Catch::Contains("`covariance_type`"));
}

TEST_CASE("noisy_sample: rows of sample, with normal errors of the standard deviations that it tells",
          "[mpi]") {
  const int d = 2;
  const gmmpi::Index n = 10000;
  const Mixture m = draw("full", 3, d, 2.0, 3);
  const gmmpi::Execution execution = in_memory::on(test_world(), 2);
  const CollectedRows noisy(execution.comm, n, gmmpi::noisy_sample_columns(d)),
      plain(execution.comm, n, gmmpi::sample_columns(d)),
      exact(execution.comm, n, gmmpi::noisy_sample_columns(d));
  gmmpi::noisy_sample(execution, m, n, 8, {0.5, 2.0}, noisy);
  gmmpi::noisy_sample(execution, m, n, 8, {0.0, 0.0}, exact);
  gmmpi::sample(execution, m, n, 8, plain);
  CHECK(in_memory::same_bits(noisy.all("/true"), plain.all("/X")));
  CHECK(noisy.all("/labels") == plain.all("/labels"));
  CHECK(in_memory::same_bits(exact.all("/X"), plain.all("/X")));

  const std::vector<double> x = noisy.all("/X"), z = noisy.all("/true"), s = noisy.all("/errors");
  const auto count = static_cast<double>(x.size());
  CHECK(*std::ranges::min_element(s) >= 0.5);
  CHECK(*std::ranges::max_element(s) <= 2.0);
  double mean = 0.0, variance = 0.0, deviation = 0.0, beyond = 0.0, of_the_wide = 0.0, wide = 0.0,
         together = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double u = (x[i] - z[i]) / s[i];
    mean += u / count;
    variance += u * u / count;
    deviation += s[i] / count;
    beyond += (std::abs(u) > 1.959963984540054) / count;
    wide += s[i] > 1.25;
    of_the_wide += s[i] > 1.25 ? u * u : 0.0;
    if (i % 2 == 1) together += u * (x[i - 1] - z[i - 1]) / s[i - 1] / (count / 2);
  }
  // Limits: four standard errors.
  CHECK(std::abs(mean) < 4.0 / std::sqrt(count));
  CHECK(std::abs(variance - 1.0) < 4.0 * std::sqrt(2.0 / count));
  CHECK(std::abs(deviation - 1.25) < 4.0 * 1.5 / std::sqrt(12.0 * count));
  CHECK(std::abs(beyond - 0.05) < 4.0 * std::sqrt(0.05 * 0.95 / count));
  CHECK(std::abs(of_the_wide / wide - 1.0) < 4.0 * std::sqrt(2.0 / wide));
  CHECK(std::abs(together) < 4.0 / std::sqrt(count / 2));

  for (const gmmpi::ErrorRange& bad :
       {gmmpi::ErrorRange{-1.0, 2.0}, {2.0, 1.0}, {0.0, 1e150}, {std::nan(""), 1.0}})
    CHECK_THROWS_WITH(gmmpi::noisy_sample(execution, m, n, 8, bad, noisy), Catch::Contains("`errors`"));
}
