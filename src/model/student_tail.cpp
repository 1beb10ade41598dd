// The incomplete beta function of halves of degrees of freedom, and its inverse.
#include "model/student_tail.hpp"

#include <cmath>
#include <limits>

#include "kernels/scalar_math.hpp"
#include "model/gamma_functions.hpp"

namespace gmmpi {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// I_x(a, b) over x^a (1 - x)^b / (a B(a, b)): the continued fraction 1 / (1 + c_1 / (1 + c_2 / ...)), by its
/// successive ratios of denominators and of numerators (Lentz 1976), for x < (a + 1)/(a + b + 2).
double beta_fraction(double x, double a, double b) {
  double numerator = 1.0, denominator = 1.0 / (1.0 - (a + b) * x / (a + 1.0)), value = denominator;
  for (double m = 1.0;; m += 1.0) {
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    double factor = 1.0;
    for (const double c : {even, odd}) {
      denominator = 1.0 / (1.0 + c * denominator);
      numerator = 1.0 + c / numerator;
      factor = denominator * numerator;
      value *= factor;
    }
    if (std::abs(factor - 1.0) <= kEpsilon) return value;
  }
}

/// The tails of the squared distance.
class Tails {
 public:
  Tails(int n_features, double dof, const KernelTable& kernels)
      : kernels_(kernels),
        a_(0.5 * dof),
        b_(0.5 * n_features),
        log_scale_(log_gamma_rise(a_, b_, kernels) - log_gamma_of_half(n_features, kernels)) {}

  /// Whether q is exceeded with a probability above p; each tail by itself, so that none cancels.
  bool exceeded(double q, double p) const {
    // w = 1/(1 + q/dof) and 1 - w; w^a (1 - w)^b / B(a, b).
    const double ratio = q / (2.0 * a_), w = 1.0 / (1.0 + ratio), rest = ratio / (1.0 + ratio);
    const double exponent =
        log_scale_ - a_ * log_of_one_plus(ratio, kernels_) + b_ * log_of(a_ * rest, kernels_);
    double leading = 0.0;
    kernels_.exp(1, &exponent, &leading);
    if (w < (a_ + 1.0) / (a_ + b_ + 2.0)) return leading / a_ * beta_fraction(w, a_, b_) > p;
    return leading / b_ * beta_fraction(rest, b_, a_) < 1.0 - p;
  }

 private:
  const KernelTable& kernels_;
  double a_, b_, log_scale_;
};

}  // namespace

double student_distance_quantile(double p, int n_features, double dof, const KernelTable& kernels) {
  const Tails tails(n_features, dof, kernels);
  constexpr double most = 1e300;
  double low = std::numeric_limits<double>::min() * 0x1p60, high = n_features;
  while (high < most && tails.exceeded(high, p)) high *= 16.0;
  for (;;) {
    // Halving the exponent first: a quantile may be as small as p^(2/d), as large as p^(-2/dof).
    const double middle = high > 4.0 * low ? std::sqrt(low) * std::sqrt(high) : low + 0.5 * (high - low);
    if (!(middle > low && middle < high)) return high;
    (tails.exceeded(middle, p) ? low : high) = middle;
  }
}

}  // namespace gmmpi
