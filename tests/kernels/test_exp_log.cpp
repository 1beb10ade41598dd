// Accuracy of the kernels' exp and log against long double, their edges, the same bits on every target.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "kernels/table.hpp"

namespace {

using Function = void (*gmmpi::KernelTable::*)(std::int64_t, const double*, double*);

std::vector<double> apply(const std::string& kernels, Function function, const std::vector<double>& x) {
  std::vector<double> out(x.size());
  (gmmpi::select_kernels(kernels).*function)(std::ssize(x), x.data(), out.data());
  return out;
}

double ulp(double value) {
  value = std::abs(value);
  return std::nextafter(value, HUGE_VAL) - value;
}

/// Largest error in units of the last place of the result.
double worst_error(Function function, long double (*exact)(long double), const std::vector<double>& x) {
  double worst = 0.0;
  const std::vector<double> actual = apply("auto", function, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double expected = exact(x[i]);
    worst = std::max(worst, double(std::abs(actual[i] - expected) / ulp(double(expected))));
  }
  return worst;
}

std::vector<double> uniform(double low, double high, int n) {
  std::mt19937_64 generator(77);
  std::uniform_real_distribution<double> draw(low, high);
  std::vector<double> x;
  for (int i = 0; i < n; ++i) x.push_back(draw(generator));
  return x;
}

std::vector<double> exponents(double low, double high, int n) {
  std::vector<double> x = uniform(low, high, n);
  for (double& v : x) v = std::exp2(v);
  return x;
}

long double exact_exp(long double x) {
  return std::exp(x);
}
long double exact_log(long double x) {
  return std::log(x);
}

constexpr Function kExp = &gmmpi::KernelTable::exp;
constexpr Function kLog = &gmmpi::KernelTable::log;

}  // namespace

// Seen over 12 million arguments: exp 1.00 ulp (next to -708), log 0.84 ulp.
TEST_CASE("exp: within 1 ulp over its whole range", "[serial]") {
  CHECK(worst_error(kExp, exact_exp, uniform(-708.0, 0.0, 200000)) < 1.0);
  CHECK(worst_error(kExp, exact_exp, uniform(0.0, 709.0, 200000)) < 1.0);
  CHECK(worst_error(kExp, exact_exp, uniform(-1.0, 1.0, 200000)) < 1.0);
  CHECK(worst_error(kExp, exact_exp, uniform(-1e-8, 1e-8, 10000)) < 1.0);
}

TEST_CASE("exp: far below zero it is 0, at zero 1", "[serial]") {
  const double infinity = HUGE_VAL;
  CHECK(apply("auto", kExp, {0.0, -0.0, -708.1, -745.0, -1e5, -1e300, -infinity}) ==
        std::vector<double>{1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  CHECK(apply("auto", kExp, {-708.0})[0] == Approx(std::exp(-708.0)).epsilon(1e-15));
}

TEST_CASE("log: within 1 ulp over all normal numbers", "[serial]") {
  CHECK(worst_error(kLog, exact_log, exponents(-1022.0, 1023.9, 200000)) < 1.0);
  CHECK(worst_error(kLog, exact_log, exponents(-3.0, 3.0, 200000)) < 1.0);
  CHECK(worst_error(kLog, exact_log, uniform(0.7, 1.42, 200000)) < 1.0);
  std::vector<double> near_one = uniform(-1e-5, 1e-5, 10000);
  for (double& x : near_one) x += 1.0;
  CHECK(worst_error(kLog, exact_log, near_one) < 1.0);
}

TEST_CASE("log: at the edges of the normal numbers and at 1", "[serial]") {
  using limits = std::numeric_limits<double>;
  const std::vector<double> x = {1.0, limits::min(), limits::max(), std::nextafter(1.0, 0.0),
                                 std::nextafter(1.0, 2.0)};
  const std::vector<double> out = apply("auto", kLog, x);
  CHECK(out[0] == 0.0);
  for (std::size_t i = 1; i < x.size(); ++i) CHECK(out[i] == Approx(std::log(x[i])).epsilon(4e-16));
}

TEST_CASE("exp and log: every target gives the same bits, for any number of values", "[serial]") {
  for (const int n : {1, 2, 3, 7, 8, 9, 1000}) {
    const std::vector<double> x = uniform(-800.0, 700.0, n), y = exponents(-1022.0, 1023.9, n);
    const std::vector<double> exp = apply("scalar", kExp, x), log = apply("scalar", kLog, y);
    for (const std::string& name : gmmpi::available_kernels()) {
      INFO(name << ", " << n << " values");
      CHECK(std::memcmp(apply(name, kExp, x).data(), exp.data(), n * sizeof(double)) == 0);
      CHECK(std::memcmp(apply(name, kLog, y).data(), log.data(), n * sizeof(double)) == 0);
    }
  }
}
