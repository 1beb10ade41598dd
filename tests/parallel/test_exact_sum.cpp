// Exact sums against known results, integers, any order, and any split over accumulators and ranks.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "parallel/exact_sum.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::ExactArray;
using gmmpi::ExactScalar;
using in_memory::same_bits;

__extension__ using Wide = __int128;

double sum(const std::vector<double>& terms) {
  ExactScalar total;
  for (const double term : terms) total.add(term);
  total.normalise();
  return total.value();
}

/// Terms of either sign whose exponents spread over `bits`.
std::vector<double> wild_terms(int n, int bits, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> mantissa(-1.0, 1.0);
  std::vector<double> terms;
  for (int i = 0; i < n; ++i)
    terms.push_back(std::ldexp(mantissa(generator), static_cast<int>(generator() % bits) - bits / 2));
  return terms;
}

std::vector<double> values(const ExactArray& array) {
  std::vector<double> out;
  for (std::size_t i = 0; i < array.size(); ++i) out.push_back(array.value(i));
  return out;
}

/// Adds over all ranks, as a sweep does.
template <class Sum>
void sum_over_ranks(Sum& part) {
  part.normalise();
  test_world().sum(part.limbs());
  part.normalise();
}

}  // namespace

TEST_CASE("ExactScalar: cancellation leaves exactly what remains", "[serial]") {
  CHECK(sum({}) == 0.0);
  CHECK(sum({1e308, 1.0, -1e308}) == 1.0);
  CHECK(sum({1e308, 1e308, -1e308, 1e-308, -1e308}) == 1e-308);
  CHECK(sum({1.0, 1e-300, -1.0, -1e-300}) == 0.0);
  CHECK(sum({-1e100, 1.0, 1e100, -3.0}) == -2.0);
  CHECK(sum({0.1, 0.2, -0.3}) == std::ldexp(1.0, -55));  // what the three doubles really add up to
  CHECK(sum({-0.0, -0.0}) == 0.0);
}

TEST_CASE("ExactScalar: denormal and largest numbers are summed", "[serial]") {
  using limits = std::numeric_limits<double>;
  const double least = limits::denorm_min();
  CHECK(sum({least}) == least);
  CHECK(sum({least, least, least, -least}) == 2 * least);
  CHECK(sum({limits::min(), -least}) == limits::min() - least);
  CHECK(sum({limits::max(), least, -limits::max()}) == least);
  CHECK(sum({limits::max()}) == limits::max());
  CHECK(sum({-limits::max(), least}) == -limits::max());
  CHECK(sum({limits::max(), limits::max()}) == HUGE_VAL);
}

TEST_CASE("ExactScalar: the sum is rounded once, to nearest, ties to even", "[serial]") {
  const double half = 0x1p-53;  // half an ulp of 1
  CHECK(sum({1.0, half}) == 1.0);
  CHECK(sum({1.0 + 0x1p-52, half}) == 1.0 + 0x1p-51);
  CHECK(sum({1.0, half, 0x1p-1074}) == 1.0 + 0x1p-52);  // just above the tie
  CHECK(sum({1.0, half, -0x1p-1074}) == 1.0);
  CHECK(sum({-1.0, -half, -0x1p-1074}) == -1.0 - 0x1p-52);
  CHECK(sum({1.0, half / 2, half / 2, 0x1p-300}) == 1.0 + 0x1p-52);
}

TEST_CASE("ExactScalar: agrees with 128-bit integers", "[serial]") {
  std::mt19937_64 generator(1);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> terms;
    Wide expected = 0;
    for (int i = 0; i < 50; ++i) {
      const auto mantissa = static_cast<std::int64_t>(generator() >> 11) - (std::int64_t{1} << 52);
      const int shift = static_cast<int>(generator() % 60);
      expected += Wide{mantissa} * (Wide{1} << shift);
      terms.push_back(std::ldexp(static_cast<double>(mantissa), shift - 300));
    }
    CHECK(sum(terms) == std::ldexp(static_cast<double>(expected), -300));
  }
}

TEST_CASE("ExactScalar: order, split and intermediate carries change no bit", "[serial]") {
  std::vector<double> terms = wild_terms(3000, 1900, 2);
  const double expected = sum(terms);
  std::mt19937_64 generator(3);
  for (int trial = 0; trial < 10; ++trial) {
    std::shuffle(terms.begin(), terms.end(), generator);
    CHECK(sum(terms) == expected);
    std::vector<ExactScalar> parts(7);
    for (const double term : terms) {
      ExactScalar& part = parts[generator() % 7];
      part.add(term);
      if (generator() % 10 == 0) part.normalise();
    }
    for (int i = 1; i < 7; ++i) parts[0].add(parts[i]);
    parts[0].normalise();
    CHECK(parts[0].value() == expected);
  }
}

TEST_CASE("ExactScalar: a term that is not finite makes the sum NaN", "[serial]") {
  for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    CHECK(std::isnan(sum({1.0, bad, 2.0})));
    ExactScalar a, b;
    a.add(1.0);
    b.add(bad);
    a.add(b);
    a.normalise();
    CHECK(std::isnan(a.value()));
  }
  CHECK(std::isnan(sum({HUGE_VAL, -HUGE_VAL})));
}

TEST_CASE("ExactScalar: parts of all ranks add up to the sum of all terms", "[mpi]") {
  const std::vector<double> terms = wild_terms(2000, 1000, 4);
  ExactScalar part;
  for (std::size_t i = test_world().rank(); i < terms.size(); i += test_world().size()) part.add(terms[i]);
  sum_over_ranks(part);
  CHECK(part.value() == sum(terms));
}

TEST_CASE("ExactArray: sums are those of the terms, to half a quantum of 2^-118 of the bound each",
          "[serial]") {
  // Terms up to 2^-40 of the bound lie wholly above the quantum: their sums are right to the last bit. At
  // 2^-60 sums of 800 terms are still good to 2^10 half quanta.
  const int n = 5;
  const std::vector<double> bounds(n, 1000.0);
  std::mt19937_64 generator(5);
  for (const int below : {0, 20, 40, 60}) {
    ExactArray array{bounds};
    std::vector<ExactScalar> expected(n);
    for (int block = 0; block < 800; ++block) {
      std::vector<double> terms = wild_terms(n, 6, static_cast<unsigned>(generator()));
      for (int i = 0; i < n; ++i) {
        terms[i] = std::ldexp(terms[i], -4 - below);
        expected[i].add(terms[i]);
      }
      array.add(terms);
    }
    array.normalise();
    for (int i = 0; i < n; ++i) {
      expected[i].normalise();
      INFO("terms 2^-" << below << " of the bound");
      if (below <= 40) CHECK(array.value(i) == expected[i].value());
      CHECK(std::abs(array.value(i) - expected[i].value()) <= 800 * 0.5 * std::ldexp(1024.0, -118));
      CHECK(std::abs(array.value(i) / expected[i].value() - 1.0) < 1e-12);
    }
  }
}

TEST_CASE("ExactArray: what is smaller than the quantum is rounded away, no further", "[serial]") {
  ExactArray array{std::vector<double>{1.0, 1.0}};
  array.add(std::vector<double>{0.5, 0x1p-115});
  array.add(std::vector<double>{0x1p-200, 0x1p-200});
  array.normalise();
  CHECK(array.value(0) == 0.5);
  CHECK(array.value(1) == 0x1p-115);
}

TEST_CASE("ExactArray: a finer quantum has as many limbs as it takes", "[serial]") {
  // From 2^100 down to 2^-900: the sum of the full range, to the last bit, in any order.
  const std::vector<double> bounds(2, 0x1p105);
  std::vector<double> terms = wild_terms(400, 200, 7);
  for (std::size_t i = 0; i < terms.size(); i += 3) terms[i] = std::ldexp(terms[i], -750);
  for (const int sign : {1, -1}) {
    ExactArray fine(bounds, std::vector<int>{-960, -1000}), coarse(bounds, std::vector<int>{-10, -12});
    CHECK(fine.quantum(0) <= 0x1p-1000);
    CHECK(coarse.quantum(0) == ExactArray(bounds).quantum(0));
    for (const double term : terms) {
      fine.add(std::vector<double>{sign * term, sign * std::ldexp(term, -20)});
      coarse.add(std::vector<double>{sign * term, 0.0});
    }
    fine.normalise();
    coarse.normalise();
    CHECK(fine.value(0) == sign * sum(terms));
    CHECK(fine.value(1) == sign * std::ldexp(sum(terms), -20));
    CHECK(std::abs(coarse.value(0) - fine.value(0)) <= 400 * coarse.quantum(0));
    for (const double term : terms)
      fine.add(std::vector<double>{-sign * term, -sign * std::ldexp(term, -20)});
    fine.add(std::vector<double>{0.0, sign * 0x1p-990});
    fine.normalise();
    CHECK(fine.value(0) == 0.0);
    CHECK(fine.value(1) == sign * 0x1p-990);
  }
}

TEST_CASE("ExactArray: each sum has its own scale, from 1e-300 to 1e300, and cancels exactly", "[serial]") {
  const std::vector<double> bounds = {1e-280, 1e-10, 4.0, 1e10, 1e300, 0.0};
  ExactArray array{bounds};
  const std::vector<double> big = {1e-281, 1e-11, 1.0, 1e9, 1e299, 0.0};
  std::vector<double> small(big), minus(big);
  for (std::size_t i = 0; i < big.size(); ++i) {
    small[i] = big[i] * 0x1p-50;
    minus[i] = -big[i];
  }
  array.add(big);
  array.add(small);
  array.add(minus);
  array.normalise();
  CHECK(same_bits(values(array), small));
}

TEST_CASE("ExactArray: order, split and intermediate carries change no bit", "[serial]") {
  const int n = 13;
  std::vector<std::vector<double>> blocks;
  for (unsigned b = 0; b < 200; ++b) blocks.push_back(wild_terms(n, 80, 100 + b));
  const std::vector<double> bounds(n, 200 * 0x1p40);
  std::mt19937_64 generator(6);
  std::vector<double> expected;
  for (int trial = 0; trial < 5; ++trial) {
    std::vector<ExactArray> parts(4, ExactArray{bounds});
    for (const auto& block : blocks) {
      ExactArray& part = parts[generator() % 4];
      part.add(block);
      if (generator() % 10 == 0) part.normalise();
    }
    for (int i = 1; i < 4; ++i) parts[0].add(parts[i]);
    parts[0].normalise();
    if (trial == 0) expected = values(parts[0]);
    CHECK(same_bits(values(parts[0]), expected));
    std::shuffle(blocks.begin(), blocks.end(), generator);
  }
}

TEST_CASE("ExactArray: parts of all ranks add up to the sum of all terms", "[mpi]") {
  const std::vector<double> bounds(9, 1e6);
  ExactArray part{bounds}, whole{bounds};
  for (int block = 0; block < 100; ++block) {
    const std::vector<double> terms = wild_terms(9, 24, 500 + static_cast<unsigned>(block));
    whole.add(terms);
    if (block % test_world().size() == test_world().rank()) part.add(terms);
  }
  whole.normalise();
  sum_over_ranks(part);
  CHECK(same_bits(values(part), values(whole)));
}
