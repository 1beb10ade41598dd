// Asymptotic series from 16 on, and recurrences up to there.
#include "model/gamma_functions.hpp"

#include <cmath>
#include <vector>

#include "kernels/scalar_math.hpp"

namespace gmmpi {

namespace {

constexpr double kLogSqrtPi = 0.57236494292470008707;
constexpr double kLarge = 16.0;  ///< from here on the series below are exact to the last digit

/// ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi)/2.
double stirling_rest(double x) {
  static constexpr double coefficients[] = {-691.0 / 360360.0, 1.0 / 1188.0, -1.0 / 1680.0,
                                            1.0 / 1260.0,      -1.0 / 360.0, 1.0 / 12.0};
  const double z = 1.0 / (x * x);
  double sum = 0.0;
  for (const double c : coefficients) sum = sum * z + c;
  return sum / x;
}

}  // namespace

double log_of_one_plus(double y, const KernelTable& kernels) {
  const double sum = 1.0 + y, part = sum - 1.0, lost = (1.0 - (sum - part)) + (y - part);
  return log_of(sum, kernels) + lost / sum;
}

double log_gamma_of_half(int n, const KernelTable& kernels) {
  double sum = n % 2 == 0 ? 0.0 : kLogSqrtPi;
  for (int twice = n % 2 == 0 ? 2 : 1; twice < n; twice += 2) sum += log_of(0.5 * twice, kernels);
  return sum;
}

double log_minus_digamma(double x, const KernelTable& kernels) {
  double rest = 0.0;  // of the steps from x to x + 1: 1/x - ln(1 + 1/x)
  for (; x < kLarge; x += 1.0) rest += 1.0 / x - log_of_one_plus(1.0 / x, kernels);
  static constexpr double coefficients[] = {-691.0 / 32760.0, 1.0 / 132.0,  -1.0 / 240.0,
                                            1.0 / 252.0,      -1.0 / 120.0, 1.0 / 12.0};
  const double z = 1.0 / (x * x);
  double sum = 0.0;
  for (const double c : coefficients) sum = sum * z + c;
  return rest + (sum * z + 0.5 / x);
}

double log_gamma_rise(double x, double h, const KernelTable& kernels) {
  double ratio = 1.0, large = x;  // Gamma(x + h) / Gamma(x) by that of x + n
  for (; large < kLarge; large += 1.0) ratio *= large / (large + h);
  const double growth = log_of_one_plus(h / large, kernels);
  const double of_large =
      (large - 0.5) * growth + h * (growth - 1.0) + (stirling_rest(large + h) - stirling_rest(large));
  if (large == x) return of_large;
  return of_large + log_of(ratio, kernels) + h * log_of(large / x, kernels);
}

}  // namespace gmmpi
