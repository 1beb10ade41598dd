// Principal components: against the definition, far from zero, weighted, and on any ranks.
#include "gmmpi/inference/principal_components.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::PrincipalComponents;
using in_memory::alone;
using in_memory::make_data;
using in_memory::on;

/// 4 columns with known principal axes: independent, of standard deviations 8, 4, 2, 0, turned in two planes.
std::vector<double> turned(std::int64_t n, double offset) {
  std::vector<double> rows = in_memory::clusters(n, 4, 1, 0.0, 3);
  for (std::int64_t r = 0; r < n; ++r) {
    double* x = rows.data() + 4 * r;
    const double a = 8 * x[0], b = 4 * x[1], c = 2 * x[2];
    x[0] = 0.6 * a - 0.8 * b + offset;
    x[1] = 0.8 * a + 0.6 * b + offset;
    x[2] = c + offset;
    x[3] = 7.0;
  }
  return rows;
}

/// |C v - lambda v| over lambda_0, for the covariance by plain long double sums.
double residual(const std::vector<double>& rows, const PrincipalComponents& p) {
  const std::size_t d = p.mean.size(), n = rows.size() / d;
  std::vector<long double> c(d * d), mean(d);
  for (std::size_t e = 0; e < rows.size(); ++e) mean[e % d] += rows[e] / static_cast<long double>(n);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        c[i * d + j] +=
            (rows[r * d + i] - mean[i]) * (rows[r * d + j] - mean[j]) / static_cast<long double>(n);
  long double worst = 0;
  for (std::size_t k = 0; k < d; ++k)
    for (std::size_t i = 0; i < d; ++i) {
      long double sum = -p.variance[k] * static_cast<long double>(p.components[k * d + i]);
      for (std::size_t j = 0; j < d; ++j) sum += c[i * d + j] * p.components[k * d + j];
      worst = std::max(worst, std::abs(sum));
    }
  return static_cast<double>(worst / p.variance[0]);
}

}  // namespace

TEST_CASE("principal_components: eigenvectors of the covariance, in order, with the stated signs", "[mpi]") {
  for (const double offset : {0.0, 1e6}) {
    const std::vector<double> rows = turned(3000, offset);
    const PrincipalComponents p =
        gmmpi::principal_components(on(test_world(), 2), make_data(on(test_world()), rows, 4));
    CHECK(residual(rows, p) < 1e-14);
    CHECK(p.variance[3] == Approx(0.0).margin(1e-12));
    CHECK(p.rank() == 3);
    CHECK(p.total_variance == Approx(p.variance[0] + p.variance[1] + p.variance[2]));
    for (int k = 0; k < 4; ++k) {
      double largest = 0.0, length = 0.0;
      for (int j = 0; j < 4; ++j) {
        const double v = p.components[4 * k + j];
        length += v * v;
        if (std::abs(v) > std::abs(largest)) largest = v;
        if (k > 0) CHECK(p.variance[k] <= p.variance[k - 1]);
      }
      CHECK(length == Approx(1.0).epsilon(1e-14));
      CHECK(largest > 0.0);
    }
  }
}

TEST_CASE("principal_components: the same bits on any ranks and threads", "[mpi]") {
  const std::vector<double> rows = turned(5000, 3.0);
  const PrincipalComponents a = gmmpi::principal_components(alone(), make_data(alone(), rows, 4));
  const auto all = on(test_world(), 2);
  const PrincipalComponents b = gmmpi::principal_components(all, make_data(all, rows, 4));
  CHECK(in_memory::same_bits(a.mean, b.mean));
  CHECK(in_memory::same_bits(a.components, b.components));
  CHECK(in_memory::same_bits(a.variance, b.variance));
}

TEST_CASE("principal_components: a row of weight 2 counts as two rows", "[serial]") {
  std::vector<double> rows = turned(200, 0.0), twice = rows, weights(200, 1.0);
  twice.insert(twice.end(), rows.begin(), rows.begin() + 4 * 50);
  std::fill_n(weights.begin(), 50, 2.0);
  const PrincipalComponents a = gmmpi::principal_components(alone(), make_data(alone(), twice, 4)),
                            b = gmmpi::principal_components(alone(), make_data(alone(), rows, 4, weights));
  for (int k = 0; k < 4; ++k) CHECK(b.variance[k] == Approx(a.variance[k]).margin(1e-12));
  for (int e = 0; e < 12; ++e) CHECK(b.components[e] == Approx(a.components[e]).margin(1e-12));
}

TEST_CASE("PrincipalComponents: how many explain a share, and what whitening needs", "[serial]") {
  PrincipalComponents p{{0, 0, 0, 0}, std::vector<double>(16), {6, 3, 1, 0}, 10};
  for (int j = 0; j < 4; ++j) p.components[5 * j] = 1.0;
  CHECK(p.n_for_share(0.5) == 1);
  CHECK(p.n_for_share(0.6) == 1);
  CHECK(p.n_for_share(0.61) == 2);
  CHECK(p.n_for_share(0.9) == 2);
  CHECK(p.n_for_share(1.0) == 3);
  CHECK(p.transform(2, true).scale == std::vector<double>{std::sqrt(6.0), std::sqrt(3.0)});
  CHECK(p.transform(4, false).scale == std::vector<double>(4, 1.0));
  CHECK_THROWS_AS(p.transform(4, true), gmmpi::Error);
  CHECK_THROWS_AS(p.transform(5, false), gmmpi::Error);
  p.variance.assign(4, 0.0);
  CHECK_THROWS_AS(p.transform(1, false), gmmpi::Error);
}

TEST_CASE("standardising: mean 0 and variance 1, and a constant column keeps its unit", "[mpi]") {
  const std::vector<double> rows = turned(3000, 1e6);
  const auto execution = on(test_world());
  const gmmpi::Transform t = gmmpi::standardising(execution, make_data(execution, rows, 4));
  CHECK(t.components.empty());
  CHECK(t.scale[3] == 1.0);
  CHECK(t.center[3] == 7.0);
  std::vector<double> y(rows.size());
  t.apply(rows, y);
  for (int j = 0; j < 3; ++j) {
    long double sum = 0, squares = 0;
    for (std::size_t e = j; e < y.size(); e += 4)
      sum += y[e], squares += static_cast<long double>(y[e]) * y[e];
    CHECK(static_cast<double>(sum / 3000) == Approx(0.0).margin(1e-9));
    CHECK(static_cast<double>(squares / 3000) == Approx(1.0).epsilon(1e-12));
  }
}
