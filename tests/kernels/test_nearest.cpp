// The nearest of many centres, by every target, against distances computed one by one.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/table.hpp"

namespace {

using gmmpi::kTile;
using Real = long double;

struct Result {
  std::vector<double> nearest, least, gap;
  Result() : nearest(kTile), least(kTile), gap(kTile) {}
};

struct Problem {
  int d, K;
  std::vector<double> xt, centers;

  Result run(const gmmpi::KernelTable& kernels) const {
    Result r;
    kernels.nearest_with_gap(d, K, xt.data(), centers.data(), r.nearest.data(), r.least.data(), r.gap.data());
    return r;
  }
  Real distance(int row, int k) const {
    Real sum = 0;
    for (int j = 0; j < d; ++j) {
      const Real y = Real{xt[j * kTile + row]} - Real{centers[k * d + j]};
      sum += y * y;
    }
    return std::sqrt(sum);
  }
};

Problem problem(int d, int K, double scale, double offset, bool on_grid) {
  std::mt19937_64 random(100 * d + K);
  std::normal_distribution<double> normal;
  Problem p{d, K, std::vector<double>(std::size_t(d) * kTile), std::vector<double>(std::size_t(K) * d)};
  const auto draw = [&] { return scale * (on_grid ? std::round(normal(random)) : normal(random)) + offset; };
  for (double& x : p.xt) x = draw();
  for (double& c : p.centers) c = draw();
  return p;
}

/// Against squared_distances, and the gap against the true one.
void check(const Problem& p) {
  for (const std::string& name : gmmpi::available_kernels()) {
    INFO(name << ", " << p.d << " columns, " << p.K << " centres");
    const gmmpi::KernelTable& kernels = gmmpi::select_kernels(name);
    std::vector<double> squared(std::size_t(p.K) * kTile);
    kernels.squared_distances(p.d, p.K, p.xt.data(), p.centers.data(), squared.data());
    const Result r = p.run(kernels);
    for (int row = 0; row < kTile; ++row) {
      int best = 0;
      for (int k = 1; k < p.K; ++k)
        if (squared[k * kTile + row] < squared[best * kTile + row]) best = k;
      REQUIRE(r.nearest[row] == best);
      REQUIRE(r.least[row] == squared[best * kTile + row]);
      Real true_gap = HUGE_VAL;
      for (int k = 0; k < p.K; ++k)
        if (k != best) true_gap = std::min(true_gap, p.distance(row, k) - p.distance(row, best));
      REQUIRE(Real{r.gap[row]} <= true_gap);
      // Nothing is given away but rounding.
      if (p.K > 1)
        REQUIRE(Real{r.gap[row]} >=
                true_gap - 1e-149L - 4 * (p.d + 40) * 0x1p-53L * (true_gap + 3 * p.distance(row, best)));
    }
  }
}

}  // namespace

TEST_CASE("nearest_with_gap: the nearest centre, and never more of a gap than there is", "[serial]") {
  for (const int d : {1, 2, 3, 8, 17, 64})
    for (const int K : {1, 2, 3, 4, 5, 9, 16})
      for (const auto& [scale, offset] :
           {std::pair{1.0, 0.0}, {1.0, 1e9}, {1e-12, 0.0}, {1e-100, 0.0}, {1e100, -1e105}})
        check(problem(d, K, scale, offset, false));
}

TEST_CASE("nearest_with_gap: the lowest number on a tie, and no gap", "[serial]") {
  for (const int d : {1, 2, 3})
    for (const int K : {2, 5, 16}) check(problem(d, K, 1.0, 0.0, true));
  Problem p = problem(3, 7, 1.0, 0.0, false);
  for (int j = 0; j < 3; ++j) p.centers[6 * 3 + j] = p.centers[2 * 3 + j] = p.xt[j * kTile + 5];
  const Result r = p.run(gmmpi::select_kernels());
  CHECK(r.nearest[5] == 2.0);
  CHECK(r.least[5] == 0.0);
  CHECK(r.gap[5] < 0.0);
}

TEST_CASE("nearest_with_gap: distances that underflow decide nothing", "[serial]") {
  for (const int K : {2, 6}) {
    const Problem p = problem(3, K, 1e-170, 0.0, false);
    for (const double gap : p.run(gmmpi::select_kernels()).gap) CHECK(gap < 0.0);
  }
}

TEST_CASE("nearest_with_gap: the same bits from every target", "[serial]") {
  for (const int d : {1, 5, 33})
    for (const int K : {1, 4, 11}) {
      const Problem p = problem(d, K, 1.0, 3.0, false);
      const Result expected = p.run(gmmpi::select_kernels("scalar"));
      for (const std::string& name : gmmpi::available_kernels()) {
        const Result r = p.run(gmmpi::select_kernels(name));
        for (const auto& [a, b] :
             {std::pair{&r.nearest, &expected.nearest}, {&r.least, &expected.least}, {&r.gap, &expected.gap}})
          CHECK(std::memcmp(a->data(), b->data(), kTile * sizeof(double)) == 0);
      }
    }
}
