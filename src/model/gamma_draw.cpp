// gamma_draw by rejection.
#include "model/gamma_draw.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/normal_quantile.hpp"

namespace gmmpi {

double gamma_draw(double shape, const RowRandom& random, int first, const KernelTable& kernels) {
  const auto log_of = [&](double x) {
    double out = 0.0;
    kernels.log(1, &x, &out);
    return out;
  };
  double factor = 1.0;
  if (shape < 1.0) {  // that of shape + 1 times u^(1/shape)
    const double exponent = log_of(random(first)) / shape;
    kernels.exp(1, &exponent, &factor);
    factor = std::max(factor, std::numeric_limits<double>::min());
    shape += 1.0;
  }
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  for (int i = first + 1;; i += 2) {
    const double z = normal_quantile(random(i), kernels), root = 1.0 + c * z;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    if (log_of(random(i + 1)) < 0.5 * z * z + d * (1.0 - v + log_of(v))) return factor * d * v;
  }
}

}  // namespace gmmpi
