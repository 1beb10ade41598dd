// The incomplete gamma function for half-integer orders, and its inverse.
#include "model/chi_square.hpp"

#include <cmath>
#include <limits>

#include "gmmpi/expect.hpp"
#include "kernels/scalar_math.hpp"
#include "model/gamma_functions.hpp"

namespace gmmpi {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// P(a, x) over its leading factor x^a e^-x / Gamma(a): the series sum_n x^n / (a (a + 1) ... (a + n)), for
/// x < a + 1.
double lower_series(double a, double x) {
  double term = 1.0 / a, sum = term;
  for (double n = a + 1.0; term > sum * kEpsilon; n += 1.0) sum += term *= x / n;
  return sum;
}

/// Q(a, x) over the same factor: the continued fraction 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)), by
/// its successive ratios of denominators and of numerators (Lentz 1976), for x >= a + 1.
double upper_fraction(double a, double x) {
  double b = x + 1.0 - a, numerator = std::numeric_limits<double>::max(), denominator = 1.0 / b;
  double value = denominator;
  for (double n = 1.0;; n += 1.0) {
    const double c = n * (a - n);
    b += 2.0;
    denominator = 1.0 / (c * denominator + b);
    numerator = b + c / numerator;
    const double factor = denominator * numerator;
    value *= factor;
    if (std::abs(factor - 1.0) <= kEpsilon) return value;
  }
}

}  // namespace

double chi_square_upper_quantile(double p, int n_degrees, const KernelTable& kernels) {
  GMMPI_EXPECT(p > 0.0 && p < 1.0 && n_degrees >= 1);
  const double a = 0.5 * n_degrees, log_gamma = log_gamma_of_half(n_degrees, kernels);
  const auto exceeded = [&](double x) {  // whether Q(a, x) > p; each tail by itself, so that none cancels
    const double leading = exp_of(a * log_of(x, kernels) - x - log_gamma, kernels);
    return x < a + 1.0 ? leading * lower_series(a, x) < 1.0 - p : leading * upper_fraction(a, x) > p;
  };
  double low = std::numeric_limits<double>::min(), high = a + 1.0;
  while (exceeded(high)) high *= 2.0;
  for (;;) {
    // Halving the exponent first: a quantile may be as small as p^(1/a).
    const double middle = high > 4.0 * low ? std::sqrt(low) * std::sqrt(high) : low + 0.5 * (high - low);
    if (!(middle > low && middle < high)) return 2.0 * high;
    (exceeded(middle) ? low : high) = middle;
  }
}

}  // namespace gmmpi
