// Comparison of mixtures: matching by trying all, divergences in closed form, agreement of labels.
// covers: src/inference/drawn_data.cpp, src/inference/matching.cpp
// covers: src/inference/comparable.cpp
#include "gmmpi/inference/compare.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/sample.hpp"
#include "inference/collected_rows.hpp"
#include "inference/drawn_data.hpp"
#include "inference/matching.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Index;
using gmmpi::Mixture;
using in_memory::on;
using reference::Parameters;

Mixture model(const std::string& type, const Parameters& parameters) {
  return in_memory::make_model(type, parameters);
}

/// The least total cost over all ways to give every row (n_rows <= n_columns) a column.
double least_by_trying(const std::vector<double>& cost, int n_rows, int n_columns) {
  std::vector<int> order(n_columns);
  std::iota(order.begin(), order.end(), 0);
  double least = HUGE_VAL;
  do {
    double sum = 0.0;
    for (int i = 0; i < n_rows; ++i) sum += cost[i * n_columns + order[i]];
    least = std::min(least, sum);
  } while (std::ranges::next_permutation(order).found);
  return least;
}

Mixture three_components() {
  return model("full",
               {{0.2, 0.3, 0.5}, {0, 0, 5, 5, -5, 5}, {1, 0.2, 0.2, 1, 2, 0, 0, 1, 1, -0.5, -0.5, 3}});
}

/// Components k in another order.
Mixture reordered(const Mixture& m, const std::vector<int>& order) {
  Mixture out = m;
  for (int k = 0; k < m.n_components; ++k) {
    out.weights[k] = m.weights[order[k]];
    for (int j = 0; j < 2; ++j) out.means[2 * k + j] = m.means[2 * order[k] + j];
    for (int e = 0; e < 4; ++e) out.covariances[4 * k + e] = m.covariances[4 * order[k] + e];
  }
  return model("full", {out.weights, out.means, out.covariances});
}

}  // namespace

TEST_CASE("optimal_matching: the least cost of all, for squares and rectangles", "[serial]") {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(-1.0, 5.0);
  for (int n_rows = 1; n_rows <= 6; ++n_rows)
    for (int n_columns = n_rows; n_columns <= 7; ++n_columns)
      for (int repeat = 0; repeat < 5; ++repeat) {
        std::vector<double> cost, transposed(n_rows * n_columns);
        for (int e = 0; e < n_rows * n_columns; ++e)
          cost.push_back(repeat == 0 ? std::floor(uniform(random)) : uniform(random));  // ties, too
        for (int e = 0; e < n_rows * n_columns; ++e)
          transposed[e % n_columns * n_rows + e / n_columns] = cost[e];
        const std::vector<int> columns = gmmpi::optimal_matching(cost, n_rows, n_columns);
        double sum = 0.0;
        for (int i = 0; i < n_rows; ++i) sum += cost[i * n_columns + columns.at(i)];
        std::vector<int> sorted = columns;
        std::ranges::sort(sorted);
        CHECK(std::ranges::adjacent_find(sorted) == sorted.end());
        CHECK(sum == Approx(least_by_trying(cost, n_rows, n_columns)).epsilon(1e-13).margin(1e-13));
        const std::vector<int> rows = gmmpi::optimal_matching(transposed, n_columns, n_rows);
        double other = 0.0;
        int none = 0;
        for (int j = 0; j < n_columns; ++j) {
          if (rows.at(j) < 0)
            ++none;
          else
            other += cost[rows[j] * n_columns + j];
        }
        CHECK(none == n_columns - n_rows);
        CHECK(other == Approx(sum).epsilon(1e-13).margin(1e-13));
      }
}

TEST_CASE("match_components: finds the components of a model in another order", "[serial]") {
  const Mixture a = three_components(), b = reordered(a, {2, 0, 1});
  const auto matches = gmmpi::match_components(in_memory::alone(), a, b);
  REQUIRE(matches.size() == 3);
  for (const gmmpi::ComponentMatch& m : matches) {
    CHECK(m.b == std::vector<int>{1, 2, 0}[m.a]);
    CHECK(m.weight_error == 0.0);
    CHECK(m.mean_error == 0.0);
    CHECK(m.mean_mahalanobis == 0.0);
    CHECK(m.covariance_error == 0.0);
    CHECK(std::abs(m.distance) < 1e-14);
  }
}

TEST_CASE("match_components: errors and distances by hand", "[serial]") {
  for (const char* type : {"full", "diag"}) {
    const std::vector<double> full_a{4, 0, 0, 9}, full_b{16, 0, 0, 9}, diag_a{4, 9}, diag_b{16, 9};
    const bool is_full = std::string(type) == "full";
    const Mixture a = model(type, {{1.0}, {1, 2}, is_full ? full_a : diag_a});
    const Mixture b = model(type, {{1.0}, {4, 6}, is_full ? full_b : diag_b});
    const gmmpi::ComponentMatch m = gmmpi::match_components(on(test_world(), 2), a, b).at(0);
    CHECK(m.mean_error == 5.0);
    CHECK(m.mean_mahalanobis == Approx(std::sqrt(9.0 / 4 + 16.0 / 9)).epsilon(1e-15));
    CHECK(m.covariance_error == Approx(12 / std::sqrt(16.0 + 81)).epsilon(1e-15));
    CHECK(m.distance ==
          Approx((9.0 / 10 + 16.0 / 9) / 8 + 0.5 * std::log(90 / std::sqrt(36.0 * 144))).epsilon(1e-14));
  }
}

TEST_CASE("match_components: models of other sizes leave components unmatched", "[serial]") {
  const Mixture a = three_components();
  const Mixture b = model("spherical", {{0.4, 0.6}, {-5, 5.5, 0.1, 0.1}, {1.0, 1.0}});
  const auto matches = gmmpi::match_components(in_memory::alone(), a, b);
  REQUIRE(matches.size() == 2);
  CHECK((matches[0].a == 0 && matches[0].b == 1));
  CHECK((matches[1].a == 2 && matches[1].b == 0));
  CHECK(matches[1].weight_error == Approx(0.4 - 0.5));
  const auto other_way = gmmpi::match_components(in_memory::alone(), b, a);
  REQUIRE(other_way.size() == 2);
  CHECK((other_way[0].a == 0 && other_way[0].b == 2));
  CHECK((other_way[1].a == 1 && other_way[1].b == 0));
}

TEST_CASE("match_components: Bernoulli components", "[serial]") {
  const Mixture a = model("bernoulli", {{0.5, 0.5}, {0.2, 0.9, 0.7, 0.4}, {}});
  const Mixture b = model("bernoulli", {{0.25, 0.75}, {0.6, 0.4, 0.25, 1.0}, {}});
  const auto matches = gmmpi::match_components(in_memory::alone(), a, b);
  CHECK((matches[0].b == 1 && matches[1].b == 0));
  const double overlap = (std::sqrt(0.2 * 0.25) + std::sqrt(0.8 * 0.75)) * std::sqrt(0.9);
  CHECK(matches[0].distance == Approx(-std::log(overlap)).epsilon(1e-14));
  CHECK(matches[0].mean_error == Approx(std::hypot(0.05, 0.1)).epsilon(1e-14));
  CHECK(std::isnan(matches[0].mean_mahalanobis));
  CHECK(std::isnan(matches[0].covariance_error));
  // Nothing in common is far, but finite.
  const Mixture zeros = model("bernoulli", {{1.0}, {0.0, 0.0}, {}}),
                ones = model("bernoulli", {{1.0}, {1.0, 1.0}, {}});
  CHECK(std::isfinite(gmmpi::match_components(in_memory::alone(), zeros, ones).at(0).distance));
  CHECK_THROWS_AS(gmmpi::match_components(in_memory::alone(), a, model("diag", {{1.0}, {0, 0}, {1, 1}})),
                  gmmpi::Error);
}

TEST_CASE("kl_divergence: of Bernoulli components, their closed form within five standard errors", "[mpi]") {
  const Mixture p = model("bernoulli", {{1.0}, {0.2, 0.9}, {}}),
                q = model("bernoulli", {{1.0}, {0.4, 0.5}, {}});
  const double exact = 0.2 * std::log(0.2 / 0.4) + 0.8 * std::log(0.8 / 0.6) + 0.9 * std::log(0.9 / 0.5) +
                       0.1 * std::log(0.1 / 0.5);
  const gmmpi::MonteCarlo kl = gmmpi::kl_divergence(on(test_world(), 2), p, q, 20'000, 4);
  CHECK(std::abs(kl.value - exact) < 5 * kl.standard_error);
  CHECK(kl.standard_error < 0.01);
}

TEST_CASE("match_components: other columns are an error", "[serial]") {
  const Mixture b = model("spherical", {{1.0}, {0, 0, 0}, {1.0}});
  CHECK_THROWS_AS(gmmpi::match_components(in_memory::alone(), three_components(), b), gmmpi::Error);
}

TEST_CASE("kl_divergence: of two Gaussians, their closed form within five standard errors", "[mpi]") {
  const Mixture p = model("full", {{1.0}, {1, 2}, {2, 0.5, 0.5, 1}});
  const Mixture q = model("diag", {{1.0}, {0, 2.5}, {3, 2}});
  // 1/2 (tr(Q^-1 P) + delta^T Q^-1 delta - d + ln(det Q / det P))
  const double exact = 0.5 * (2.0 / 3 + 1.0 / 2 + 1.0 / 3 + 0.25 / 2 - 2 + std::log(6 / 1.75));
  const gmmpi::MonteCarlo kl = gmmpi::kl_divergence(on(test_world(), 2), p, q, 50'000, 4);
  CHECK(std::abs(kl.value - exact) < 5 * kl.standard_error);
  CHECK(kl.standard_error < 0.01);
  CHECK(kl.standard_error > 0.001);
  const gmmpi::MonteCarlo alone =
      gmmpi::kl_divergence(on(gmmpi::Communicator::single(), 1, "scalar"), p, q, 50'000, 4);
  CHECK((alone.value == kl.value && alone.standard_error == kl.standard_error));
  CHECK(gmmpi::kl_divergence(on(test_world()), p, q, 50'000, 5).value != kl.value);
}

TEST_CASE("kl_divergence: nothing between equal models", "[mpi]") {
  const Mixture a = three_components();
  const gmmpi::MonteCarlo kl = gmmpi::kl_divergence(on(test_world()), a, a, 1000, 0);
  CHECK((kl.value == 0.0 && kl.standard_error == 0.0));
}

TEST_CASE("DrawnData: the rows of sample", "[mpi]") {
  const Mixture m = three_components();
  const gmmpi::Execution execution = on(test_world(), 2);
  constexpr Index n = 5000;
  const CollectedRows sink(execution.comm, n, gmmpi::sample_columns(2));
  gmmpi::sample(execution, m, n, 11, sink);
  const std::vector<double> rows = sink.all("/X");
  const gmmpi::DrawnData drawn(execution, m, n, 11);
  std::atomic<Index> n_rows = 0, wrong = 0;
  drawn.for_each_block(execution, [&](const gmmpi::Block& block, int) {
    const double* values = std::get<const double*>(block.rows);
    for (Index e = 0; e < block.n_rows * 2; ++e) wrong += values[e] != rows[block.first_row * 2 + e];
    wrong += drawn.row(block.first_row) != std::vector<double>(values, values + 2);
    n_rows += block.n_rows;
  });
  CHECK(wrong == 0);
  std::int64_t total = n_rows;
  test_world().sum(std::span(&total, 1));
  CHECK(total == n);
}

TEST_CASE("label_table: labels of both models, row by row", "[mpi]") {
  const Mixture a = three_components(), b = reordered(a, {2, 0, 1});
  const gmmpi::Execution execution = on(test_world(), 2);
  std::vector<double> rows{0, 0, 5, 5, 5, 5.1, -5, 5, -5, 4, 0.1, 0}, weights{1, 1, 0.5, 2, 0, 1};
  const auto data = in_memory::make_data(execution, rows, 2, weights);
  // Component k of A is b = 1, 2, 0; the fifth row is absent.
  CHECK(gmmpi::label_table(execution, data, a, b) == std::vector<Index>{0, 2, 0, 0, 0, 2, 1, 0, 0});
  const std::vector<Index> drawn = gmmpi::drawn_label_table(execution, a, b, 1000, 0);
  CHECK(drawn[1] + drawn[5] + drawn[6] == 2000);
}

TEST_CASE("adjusted_rand_index: known values", "[serial]") {
  const auto index = [](const std::vector<Index>& table, int n_columns) {
    return gmmpi::adjusted_rand_index(table, n_columns);
  };
  CHECK(index({0, 3, 5, 0}, 2) == 1.0);
  CHECK(index({7}, 1) == 1.0);                    // one group in both
  CHECK(index({1, 0, 0, 1}, 2) == 1.0);           // every row its own group
  CHECK(index({1, 1, 1, 1}, 2) == Approx(-0.5));  // sklearn.metrics.adjusted_rand_score
  CHECK(index({2, 0, 0, 1, 1, 2}, 3) == Approx(0.03669724770642202).epsilon(1e-14));
  CHECK(index({4, 4}, 2) == 0.0);  // one group says nothing of two
  // Hubert & Arabie's sums stay exact enough for many rows.
  CHECK(index({3'000'000'000, 1'000'000'000, 0, 2'000'000'000}, 2) ==
        Approx(gmmpi::adjusted_rand_index(std::vector<Index>{3'000'000, 1'000'000, 0, 2'000'000}, 2))
            .epsilon(1e-6));
}
