// solve_dof by bisection, student_log_peak.
#include "model/student_dof.hpp"

#include <cmath>

#include "model/gamma_functions.hpp"

namespace gmmpi {

double solve_dof(double excess, double before, int n_features, const KernelTable& kernels) {
  const double wanted = log_minus_digamma(0.5 * (before + n_features), kernels) - excess;
  const auto is_below = [&](double dof) { return log_minus_digamma(0.5 * dof, kernels) > wanted; };
  if (!is_below(kLeastDof)) return kLeastDof;
  if (is_below(kMostDof)) return kMostDof;
  double low = kLeastDof, high = kMostDof;  // ln x - psi(x) falls
  for (;;) {
    const double middle = high > 2.0 * low ? std::sqrt(low * high) : low + 0.5 * (high - low);
    if (!(middle > low && middle < high)) return low;
    (is_below(middle) ? low : high) = middle;
  }
}

double student_log_peak(double dof, int n_features, const KernelTable& kernels) {
  constexpr double log_2_pi = 1.83787706640934548356;
  const double half = 0.5 * n_features;
  return log_gamma_rise(0.5 * dof, half, kernels) - half * log_2_pi;
}

}  // namespace gmmpi
