// The kernels of every target against plain loops in long double, and against each other to the bit.
// covers: src/kernels/scatter.cpp, src/kernels/table.cpp, src/kernels/targets/avx2.cpp
// covers: src/kernels/targets/avx512.cpp, src/kernels/targets/fma128.cpp, src/kernels/targets/neon.cpp
// covers: src/kernels/targets/scalar.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/scatter.hpp"
#include "kernels/table.hpp"

namespace {

using gmmpi::KernelTable;
using gmmpi::kTile;
using gmmpi::ScatterShape;
using Real = long double;

constexpr double kEps = 0x1p-52;
const std::vector<int> kColumns = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 41, 64};
const std::vector<int> kComponents = {1, 2, 3, 5, 8, 13};

/// A vector whose data can start 8 bytes beyond any alignment that the allocator gave it.
class Buffer {
 public:
  Buffer(std::size_t size, bool shifted) : values_(size + 9), size_(size) {
    const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
    start_ = (64 - address % 64) % 64 / sizeof(double) + (shifted ? 1 : 0);
  }
  Buffer(const std::vector<double>& from, bool shifted) : Buffer(from.size(), shifted) {
    std::copy(from.begin(), from.end(), data());
  }
  Buffer(const Buffer&) = delete;
  double* data() { return values_.data() + start_; }
  std::vector<double> copy() { return {data(), data() + size_}; }

 private:
  std::vector<double> values_;
  std::size_t size_, start_;
};

/// A tile and K components: all that the kernels read.
struct Problem {
  int d, K;
  std::vector<double> x, xt, means, scales, factors, packed, weights, gamma;

  Problem(int d, int K) : d(d), K(K), x(std::size_t(kTile) * gmmpi::padded(d)), xt(std::size_t(kTile) * d) {
    std::mt19937_64 generator(1000 * d + K);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    for (int r = 0; r < kTile; ++r)
      for (int j = 0; j < d; ++j) x[r * gmmpi::padded(d) + j] = xt[j * kTile + r] = 3.0 + normal(generator);
    for (int e = 0; e < K * d; ++e) means.push_back(3.0 + normal(generator));
    for (int e = 0; e < K * d; ++e) scales.push_back(0.5 + uniform(generator));
    factors.resize(std::size_t(K) * d * d);
    for (int k = 0; k < K; ++k)
      for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j)
          factors[(std::size_t(k) * d + i) * d + j] = normal(generator) + (i == j ? 3.0 : 0.0);
    for (int r = 0; r < kTile; ++r) weights.push_back(r % 11 == 5 ? 0.0 : 0.5 + uniform(generator));
    for (int e = 0; e < K * kTile; ++e)
      gamma.push_back(e % 5 == 0 ? 0.0 : weights[e % kTile] * uniform(generator));
    pack();
  }

  double factor(int k, int i, int j) const { return factors[(std::size_t(k) * d + i) * d + j]; }

  /// The layout that mahalanobis_dense reads: groups of kFactorColumns columns, row by row down to the
  /// diagonal.
  void pack() {
    constexpr int width = gmmpi::kFactorColumns;
    for (int k = 0; k < K; ++k)
      for (int first = 0; first < d; first += width)
        for (int i = 0; i < std::min(d, first + width); ++i)
          for (int j = first; j < first + width; ++j)
            packed.push_back(j < d && i <= j ? factor(k, i, j) : 0.0);
  }
};

/// Results of all kernels on one problem, in order.
using Results = std::vector<std::vector<double>>;

std::vector<double> block_sums(const KernelTable& kernels, const Problem& p, ScatterShape shape,
                               bool shifted) {
  Buffer x(p.x, shifted), xt(p.xt, shifted), gamma(p.gamma, shifted);
  Buffer means(std::size_t(p.K) * gmmpi::padded(p.d), shifted);
  for (int e = 0; e < p.K * p.d; ++e) means.data()[e / p.d * gmmpi::padded(p.d) + e % p.d] = p.means[e];
  gmmpi::BlockSums sums({p.K, p.d, shape});
  sums.clear();
  const gmmpi::TileRows rows{x.data(), xt.data()};
  for (int tile = 0; tile < 2; ++tile) sums.add(kernels, std::span(&rows, 1), gamma.data(), means.data());
  return sums.collect();
}

Results run_all(const KernelTable& kernels, const Problem& p, bool shifted) {
  const std::size_t n = std::size_t(p.K) * kTile;
  Buffer xt(p.xt, shifted), means(p.means, shifted), scales(p.scales, shifted), packed(p.packed, shifted);
  Buffer weights(p.weights, shifted), scratch(std::size_t(p.d) * kTile, shifted);
  Buffer squared(n, shifted), diagonal(n, shifted), dense(n, shifted), log_density(kTile, shifted);
  Results results;
  kernels.squared_distances(p.d, p.K, xt.data(), means.data(), squared.data());
  results.push_back(squared.copy());
  kernels.mahalanobis_diagonal(p.d, p.d, p.K, xt.data(), means.data(), scales.data(), diagonal.data());
  results.push_back(diagonal.copy());
  for (int k = 0; k < p.K; ++k)
    kernels.mahalanobis_dense(p.d, xt.data(), means.data() + k * p.d,
                              packed.data() + k * gmmpi::packed_factor_size(p.d), scratch.data(),
                              dense.data() + k * kTile);
  results.push_back(dense.copy());
  std::vector<double> constants;
  for (int k = 0; k < p.K; ++k) constants.push_back(-0.7 * k);
  kernels.log_joint(p.K, constants.data(), diagonal.data());
  results.push_back(diagonal.copy());
  kernels.responsibilities(p.K, weights.data(), gmmpi::kEveryLogShare, diagonal.data(), log_density.data());
  results.push_back(diagonal.copy());
  results.push_back(log_density.copy());
  kernels.assign_nearest(p.K, weights.data(), squared.data(), log_density.data());
  results.push_back(squared.copy());
  results.push_back(log_density.copy());
  for (const auto shape :
       {ScatterShape::none, ScatterShape::diagonal, ScatterShape::full, ScatterShape::pooled})
    results.push_back(block_sums(kernels, p, shape, shifted));
  return results;
}

/// |actual - expected| <= ulps * eps * magnitude for every entry; reports the worst.
void check_within(const std::vector<double>& actual, const std::vector<Real>& expected,
                  const std::vector<Real>& magnitude, double ulps) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const Real gap = std::abs(actual[i] - expected[i]);
    worst = std::max(worst, double(gap / (kEps * (magnitude[i] > 0 ? magnitude[i] : 1))));
  }
  CHECK(worst <= ulps);
}

void check_distances(const Results& results, const Problem& p) {
  std::vector<Real> squared, diagonal, dense, magnitude;
  for (int k = 0; k < p.K; ++k)
    for (int r = 0; r < kTile; ++r) {
      Real s = 0, m = 0, q = 0, bound = 0;
      for (int j = 0; j < p.d; ++j) {
        const Real diff = Real(p.xt[j * kTile + r]) - p.means[k * p.d + j];
        s += diff * diff;
        m += diff * p.scales[k * p.d + j] * diff * p.scales[k * p.d + j];
        Real y = 0, size = 0;
        for (int i = 0; i <= j; ++i) {
          const Real term = p.factor(k, i, j) * (Real(p.xt[i * kTile + r]) - p.means[k * p.d + i]);
          y += term;
          size += std::abs(term);
        }
        q += y * y;
        bound += size * size;
      }
      squared.push_back(s);
      diagonal.push_back(m);
      dense.push_back(q);
      magnitude.push_back(bound);
    }
  // Sums of d positive terms, each with up to 2 (difference, scale) relative roundings of eps/2 counted twice
  // for the square, and d roundings of the sum: (2 + d/2) eps and (3 + d/2) eps at most. A triangular product
  // has d more roundings inside the square, relative to the sum of its absolute terms.
  check_within(results[0], squared, squared, 2.0 + 0.5 * p.d);
  check_within(results[1], diagonal, diagonal, 3.0 + 0.5 * p.d);
  check_within(results[2], dense, magnitude, 2.0 + 1.5 * p.d);
}

void check_responsibilities(const Results& results, const Problem& p) {
  std::vector<Real> joint, resp, log_density, one(std::size_t(p.K) * kTile, 1), size;
  const std::vector<double>& given = results[3];
  for (std::size_t i = 0; i < given.size(); ++i) {
    joint.push_back(-0.7 * double(i / kTile) - Real(results[1][i]) / 2);
    size.push_back(std::abs(joint.back()));
  }
  resp.resize(given.size());
  for (int r = 0; r < kTile; ++r) {
    Real top = given[r], sum = 0;
    for (int k = 1; k < p.K; ++k) top = std::max(top, Real(given[k * kTile + r]));
    for (int k = 0; k < p.K; ++k) sum += resp[k * kTile + r] = std::exp(given[k * kTile + r] - top);
    for (int k = 0; k < p.K; ++k) resp[k * kTile + r] *= p.weights[r] / sum;
    log_density.push_back(top + std::log(sum));
    double total = 0.0;
    for (int k = 0; k < p.K; ++k) total += results[4][k * kTile + r];
    CHECK(std::abs(total - p.weights[r]) <= (p.K + 3) * kEps * p.weights[r]);
  }
  // One fused multiply-add: half an ulp. Responsibilities are <= weight < 2: 1 ulp of exp, K/2 of the sum,
  // and the exponent's rounding (|argument| of some 100 at most counts where e^argument is tiny). The
  // log-sum: top's ulp.
  check_within(results[3], joint, size, 0.5);
  check_within(results[4], resp, one, 4.0 + 0.5 * p.K);
  std::vector<Real> top(kTile, 1);
  for (int r = 0; r < kTile; ++r) top[r] = 1 + std::abs(log_density[r]);
  check_within(results[5], log_density, top, 3.0 + 0.5 * p.K);
}

void check_nearest(const Results& results, const Problem& p) {
  for (int r = 0; r < kTile; ++r) {
    int nearest = 0;
    for (int k = 1; k < p.K; ++k)
      if (results[0][k * kTile + r] < results[0][nearest * kTile + r]) nearest = k;
    bool right = results[7][r] == results[0][nearest * kTile + r];
    for (int k = 0; k < p.K; ++k)
      right = right && results[6][k * kTile + r] == (k == nearest ? p.weights[r] : 0.0);
    CHECK(right);
  }
}

void check_sums(const std::vector<double>& actual, const Problem& p, ScatterShape shape) {
  const gmmpi::MomentLayout layout{p.K, p.d, shape};
  std::vector<Real> expected(layout.size(), 0), size(layout.size(), 0);
  const auto add = [&](std::int64_t at, Real term) {
    expected[at] += 2 * term;  // two equal tiles
    size[at] += 2 * std::abs(term);
  };
  for (int k = 0; k < p.K; ++k)
    for (int r = 0; r < kTile; ++r) {
      const Real gamma = p.gamma[k * kTile + r];
      const auto diff = [&](int j) { return Real(p.xt[j * kTile + r]) - p.means[k * p.d + j]; };
      add(k, gamma);
      for (int j = 0; j < p.d; ++j) add(layout.first() + k * p.d + j, gamma * diff(j));
      std::int64_t at =
          layout.second() + (shape == ScatterShape::pooled ? 0 : k * gmmpi::scatter_size(shape, p.d));
      for (int i = 0; i < p.d && shape != ScatterShape::none; ++i)
        for (int j = i; j < (shape == ScatterShape::diagonal ? i + 1 : p.d); ++j)
          add(at++, gamma * diff(i) * diff(j));
    }
  // 128 terms (times K if pooled) with 2 roundings each, summed one by one: at most half that many eps
  // relative to the sum of the absolute terms; the errors being of either sign, 40 are never reached.
  check_within(actual, expected, size, 40.0);
}

}  // namespace

TEST_CASE("kernels: every target agrees with plain loops in long double", "[serial]") {
  for (const std::string& name : gmmpi::available_kernels())
    for (const int d : kColumns)
      for (const int K : kComponents) {
        INFO(name << ", d " << d << ", K " << K);
        const Problem p(d, K);
        const Results results = run_all(gmmpi::select_kernels(name), p, false);
        check_distances(results, p);
        check_responsibilities(results, p);
        check_nearest(results, p);
        check_sums(results[8], p, ScatterShape::none);
        check_sums(results[9], p, ScatterShape::diagonal);
        check_sums(results[10], p, ScatterShape::full);
        check_sums(results[11], p, ScatterShape::pooled);
      }
}

TEST_CASE("kernels: all targets and alignments give the same bits", "[serial]") {
  for (const int d : kColumns)
    for (const int K : kComponents) {
      const Problem p(d, K);
      const Results expected = run_all(gmmpi::select_kernels("scalar"), p, false);
      for (const std::string& name : gmmpi::available_kernels())
        for (const bool shifted : {false, true}) {
          const Results actual = run_all(gmmpi::select_kernels(name), p, shifted);
          for (std::size_t i = 0; i < expected.size(); ++i) {
            INFO(name << ", d " << d << ", K " << K << ", result " << i << (shifted ? ", shifted" : ""));
            CHECK(std::memcmp(actual[i].data(), expected[i].data(), expected[i].size() * sizeof(double)) ==
                  0);
          }
        }
    }
}

TEST_CASE("kernels: rows at distances up to infinity have responsibilities that sum to 1", "[serial]") {
  for (const std::string& name : gmmpi::available_kernels()) {
    INFO(name);
    const KernelTable& kernels = gmmpi::select_kernels(name);
    const double far[] = {0.0, 1e3, 1e16, 1e200, 1e300, 1e308, HUGE_VAL, NAN};
    const double constants[] = {-1.0, 2.0};
    std::vector<double> values(2 * kTile), weights(kTile, 1.0), log_density(kTile);
    for (int r = 0; r < kTile; ++r) {
      values[r] = far[r % 8];
      values[kTile + r] = far[r / 8];
    }
    kernels.log_joint(2, constants, values.data());
    kernels.responsibilities(2, weights.data(), gmmpi::kEveryLogShare, values.data(), log_density.data());
    for (int r = 0; r < kTile; ++r) {
      INFO("row " << r);
      CHECK(std::isfinite(log_density[r]));
      CHECK(values[r] >= 0.0);
      CHECK(std::abs(values[r] + values[kTile + r] - 1.0) <= 2 * kEps);
      if (far[r % 8] < 0.5 * far[r / 8] && far[r % 8] < 1e300) CHECK(values[r] == 1.0);
    }
  }
}

TEST_CASE("kernels: of equally near centres the lowest takes the row", "[serial]") {
  for (const std::string& name : gmmpi::available_kernels()) {
    std::vector<double> values(3 * kTile, 2.0), weights(kTile, 0.5), smallest(kTile);
    for (int r = 0; r < kTile; ++r) values[r] = r % 2 ? 2.0 : 3.0;
    gmmpi::select_kernels(name).assign_nearest(3, weights.data(), values.data(), smallest.data());
    for (int r = 0; r < kTile; ++r) {
      CHECK(smallest[r] == 2.0);
      CHECK(values[r] == (r % 2 ? 0.5 : 0.0));
      CHECK(values[kTile + r] == (r % 2 ? 0.0 : 0.5));
      CHECK(values[2 * kTile + r] == 0.0);
    }
  }
}

TEST_CASE("kernels: an unknown target is refused with the names that exist", "[serial]") {
  CHECK_THROWS_WITH(gmmpi::select_kernels("sse9"), Catch::Contains("sse9") && Catch::Contains("scalar"));
  CHECK(gmmpi::available_kernels().back() == "scalar");
  CHECK(gmmpi::select_kernels().name == gmmpi::available_kernels().front());
}
