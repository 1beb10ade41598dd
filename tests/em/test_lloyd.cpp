// Lloyd's iterations against plain ones: bounds may save work and change nothing.
// covers: src/em/cluster_sums.cpp
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "em/cluster_sums.hpp"
#include "em/lloyd.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

struct Rows {
  std::vector<double> values;
  int d;
  std::vector<double> weights;

  std::int64_t size() const { return std::ssize(values) / d; }
  double weight(std::int64_t n) const { return weights.empty() ? 1.0 : weights[n]; }
  gmmpi::MemoryData data(const gmmpi::Execution& execution,
                         gmmpi::ElementType element = gmmpi::ElementType::f8) const {
    return in_memory::make_data(execution, values, d, weights, element);
  }
};

/// The nearest centre of a row, the lowest number on a tie, and its squared distance as the kernels add it
/// up.
std::pair<int, double> nearest(const double* x, const std::vector<double>& centers, int d) {
  std::pair<int, double> best{0, std::numeric_limits<double>::infinity()};
  for (int k = 0; k < std::ssize(centers) / d; ++k) {
    double sum = 0.0;
    for (int j = 0; j < d; ++j) sum = std::fma(x[j] - centers[k * d + j], x[j] - centers[k * d + j], sum);
    if (sum < best.second) best = {k, sum};
  }
  return best;
}

/// Lloyd's iterations that compute every distance and every sum anew.
int plain_lloyd(const Rows& rows, double mean_column_variance, std::vector<double>& centers) {
  const int d = rows.d, K = static_cast<int>(centers.size()) / d;
  std::vector<double> bounds;
  for (int e = 0; e < K * (1 + d); ++e) {
    double bound = 0.0;
    for (std::int64_t n = 0; n < rows.size(); ++n)
      if (rows.weight(n) > 0.0)
        bound += rows.weight(n) * (e % (1 + d) == 0 ? 1.0 : std::abs(rows.values[n * d + e % (1 + d) - 1]));
    bounds.push_back(1.01 * bound);
  }
  for (int n_iter = 1;; ++n_iter) {
    gmmpi::ExactArray sums(bounds);
    double worst = -1.0;
    std::int64_t farthest = 0;
    for (std::int64_t n = 0; n < rows.size(); ++n) {
      if (rows.weight(n) == 0.0) continue;
      const double* x = rows.values.data() + n * d;
      const auto [k, distance] = nearest(x, centers, d);
      std::vector<double> terms{rows.weight(n)};
      for (int j = 0; j < d; ++j) terms.push_back(rows.weight(n) * x[j]);
      sums.add(terms, std::size_t(k) * (1 + d));
      if (distance > worst) worst = distance, farthest = n;
    }
    sums.normalise();
    double shift = 0.0;
    bool moved = false;
    for (int k = 0; k < K; ++k) {
      double* center = centers.data() + k * d;
      const double weight = sums.value(std::size_t(k) * (1 + d));
      if (weight == 0.0) {
        if (!moved) std::copy_n(rows.values.data() + farthest * d, d, center);
        moved = true;
        continue;
      }
      for (int j = 0; j < d; ++j) {
        const double mean = sums.value(std::size_t(k) * (1 + d) + 1 + j) / weight;
        shift += (mean - center[j]) * (mean - center[j]);
        center[j] = mean;
      }
    }
    if (n_iter == 300 || (!moved && shift <= 1e-4 * mean_column_variance)) return n_iter;
  }
}

/// All layouts and kernels against plain Lloyd.
void check(const Rows& rows, const std::vector<double>& start, double mean_column_variance) {
  std::vector<double> expected = start;
  const int n_expected = plain_lloyd(rows, mean_column_variance, expected);
  const double inertia = in_memory::inertia(alone(), rows.data(alone()), expected);
  const auto compare = [&](const gmmpi::Execution& execution, gmmpi::ElementType element) {
    const auto data = rows.data(execution, element);
    std::vector<double> centers = start;
    int n_iter = 0;
    gmmpi::lloyd(execution, data, mean_column_variance, centers, n_iter, [] {});
    CHECK(n_iter == n_expected);
    CHECK(same_bits(centers, expected));
    CHECK(in_memory::inertia(execution, data, centers) == inertia);
  };
  for (const int n_threads : {1, 2, 3}) {
    INFO(n_threads << " threads, " << test_world().size() << " ranks");
    compare(on(test_world(), n_threads), gmmpi::ElementType::f8);
  }
  for (const std::string& kernels : gmmpi::available_kernels()) {
    INFO(kernels);
    compare(on(test_world(), 2, kernels), gmmpi::ElementType::f8);
  }
  const bool fits = std::all_of(rows.values.begin(), rows.values.end(),
                                [](double x) { return static_cast<double>(static_cast<float>(x)) == x; });
  if (fits) compare(on(test_world(), 2), gmmpi::ElementType::f4);
}

std::vector<double> first_rows(const Rows& rows, int K) {
  return {rows.values.begin(), rows.values.begin() + std::ptrdiff_t{K} * rows.d};
}

Rows normal(std::int64_t n_rows, int d, unsigned seed) {
  return {in_memory::clusters(n_rows, d, 1, 0.0, seed), d, {}};
}

}  // namespace

TEST_CASE("lloyd: bounds change no bit on clusters near and far", "[mpi]") {
  for (const double distance : {0.5, 2.0, 20.0}) {
    INFO(distance);
    for (const int d : {1, 2, 7}) {
      const Rows rows{in_memory::clusters(3000, d, 6, distance, 71), d, {}};
      check(rows, first_rows(rows, 6), 1.0);
    }
  }
}

TEST_CASE("lloyd: bounds change no bit where there is nothing to find and centres creep", "[mpi]") {
  const Rows rows = normal(1500, 5, 72);
  check(rows, first_rows(rows, 13), 1e-9);
}

TEST_CASE("lloyd: bounds change no bit on grids full of ties and duplicates", "[mpi]") {
  Rows rows{{}, 2, {}};
  for (int n = 0; n < 2000; ++n) rows.values.insert(rows.values.end(), {double(n % 8), double(n / 8 % 8)});
  check(rows, {0, 0, 7, 0, 0, 7, 7, 7, 3, 3, 4, 4}, 1e-9);
  check(rows, {0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0}, 1e-9);
  check(rows, {3, 3, 3, 3, 4, 4, 4, 4}, 1e-9);  // equal centres: one of two loses its rows and moves
}

TEST_CASE("lloyd: bounds change no bit where centres lose all rows and move far", "[mpi]") {
  const Rows rows{in_memory::clusters(1200, 3, 5, 6.0, 73), 3, {}};
  std::vector<double> start = first_rows(rows, 6);
  for (std::size_t e = 6; e < start.size(); ++e) start[e] = 1e5 + double(e);
  check(rows, start, 1e-3);
}

TEST_CASE("lloyd: bounds change no bit with weights of zero and of many sizes", "[mpi]") {
  Rows rows{in_memory::clusters(2500, 4, 5, 1.5, 74), 4, {}};
  for (std::int64_t n = 0; n < rows.size(); ++n)
    rows.weights.push_back(n % 5 == 2 ? 0.0 : std::ldexp(1.0 + double(n % 3), static_cast<int>(n % 40) - 20));
  const std::vector<double> start = first_rows(rows, 5);
  for (std::int64_t n = 2; n < rows.size(); n += 5)
    rows.values[n * 4] = std::nan("");  // weight zero: anything
  check(rows, {start.begin(), start.begin() + 8}, 1e-6);
}

TEST_CASE("lloyd: bounds change no bit on float32 rows", "[mpi]") {
  Rows rows = normal(2000, 6, 75);
  for (double& x : rows.values) x = static_cast<double>(static_cast<float>(x));
  check(rows, first_rows(rows, 7), 1e-7);
}

TEST_CASE("lloyd: bounds change no bit far from zero, in any units, and with outliers", "[mpi]") {
  const Rows noise{in_memory::clusters(1500, 3, 4, 2.0, 76), 3, {}};
  const auto changed = [&](double scale, double offset) {
    Rows rows = noise;
    for (double& x : rows.values) x = scale * x + offset;
    return rows;
  };
  const std::pair<double, double> cases[] = {{1.0, 1e9},  {1e-6, 1e9},   {1e-12, 0.0},  {1e-149, 0.0},
                                             {1e-155, 0}, {1e-170, 0.0}, {1e60, -1e70}, {1e100, 0.0}};
  for (const auto& [scale, offset] : cases) {
    INFO(scale << " x + " << offset);
    const Rows rows = changed(scale, offset);
    check(rows, first_rows(rows, 5), 1e-6 * scale * scale);
  }
  Rows rows = noise;
  for (std::int64_t n = 100; n < rows.size(); n += 400) rows.values[n * 3] = 1e12 + double(n);
  check(rows, first_rows(rows, 5), 1e-6);
}

TEST_CASE("lloyd: bounds change no bit where rounding decides which centre is nearest", "[mpi]") {
  // Three rows of enormous weight hold the centres 1e-7 apart, so that they move by less than that; the
  // others are 1e8 away, where squared distances to the centres differ by a rounding or two.
  for (const int d : {3, 20}) {
    INFO(d);
    Rows rows = normal(1500, d, 80);
    for (std::size_t e = 0; e < rows.values.size(); ++e)
      rows.values[e] *= e < std::size_t(3) * d ? 1e-7 : 1e8;
    for (const double heavy : {1e18, 1e20, 1e22}) {
      rows.weights.assign(rows.size(), 1.0);
      std::fill_n(rows.weights.begin(), 3, heavy);
      check(rows, first_rows(rows, 3), 0.0);
    }
  }
}

TEST_CASE("lloyd: one centre, and as many as rows", "[mpi]") {
  const Rows rows{in_memory::clusters(90, 2, 3, 2.0, 77), 2, {}};
  check(rows, first_rows(rows, 1), 1.0);
  check(rows, first_rows(rows, 90), 1.0);
}

TEST_CASE("lloyd: continued from any sweep, it ends in the same bits", "[mpi]") {
  const Rows rows = normal(1000, 3, 78);
  const auto execution = on(test_world(), 2);
  const auto data = rows.data(execution);
  std::vector<double> end = first_rows(rows, 8);
  int n_iter = 0;
  std::vector<std::pair<int, std::vector<double>>> points;
  gmmpi::lloyd(execution, data, 1e-3, end, n_iter, [&] { points.emplace_back(n_iter, end); });
  REQUIRE(points.size() > 10);
  for (auto& [n, centers] : points) {
    gmmpi::lloyd(execution, data, 1e-3, centers, n, [] {});
    CHECK(n == n_iter);
    CHECK(same_bits(centers, end));
  }
}

TEST_CASE("lloyd: a centre without rows moves to the row farthest from its own", "[mpi]") {
  std::vector<double> rows;
  for (int n = 0; n < 300; ++n)
    rows.push_back(n % 3 == 0 ? 0.0 + n * 1e-3 : n % 3 == 1 ? 100.0 + n * 1e-3 : 250.0 + n * 1e-3);
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, rows, 1);
  std::vector<double> centers = {0.0, 110.0, 1e6};
  int n_sweeps = 0;
  gmmpi::lloyd(execution, data, 1.0, centers, n_sweeps, [] {});
  std::sort(centers.begin(), centers.end());
  CHECK(centers[0] == Approx(0.1485));
  CHECK(centers[1] == Approx(100.1495));
  CHECK(centers[2] == Approx(250.1505));
}

TEST_CASE("cluster_sums: rows whose nearest centre is certain are not looked at again", "[serial]") {
  Rows rows{in_memory::clusters(4000, 3, 5, 10.0, 79), 3, {}};
  rows.weights.assign(4000, 1.0);
  rows.weights[17] = 0.0;
  const auto execution = alone();
  const auto data = rows.data(execution);
  gmmpi::ClusterSums clusters(execution, data, 5);
  std::vector<double> centers = first_rows(rows, 5);
  const std::vector<double> sums = clusters.update(centers);
  CHECK(clusters.n_looked_at() == 3999);
  CHECK(clusters.update(centers) == sums);
  CHECK(clusters.n_looked_at() == 0);
  for (double& c : centers) c += 0.1;
  clusters.update(centers);
  CHECK(clusters.n_looked_at() < 200);
}

TEST_CASE("cluster_sums: weights and sums of the nearest rows", "[serial]") {
  const Rows rows{{1, 10, 2, 20, 3, 30, 9, 90}, 2, {1, 2, 0, 0.5}};
  const auto execution = alone();
  const auto data = rows.data(execution);
  gmmpi::ClusterSums clusters(execution, data, 2);
  CHECK(clusters.update({0, 0, 9, 90}) == std::vector<double>{3, 5, 50, 0.5, 4.5, 45});
  CHECK(clusters.update({1, 10, 2, 20}) == std::vector<double>{1, 1, 10, 2.5, 8.5, 85});
}
