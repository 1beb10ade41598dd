// Transform: products in a fixed order.
#include "gmmpi/data/transform.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

void Transform::apply(std::span<const double> x, std::span<double> y) const {
  const std::size_t d = center.size(), m = scale.size(), n = x.size() / d;
  GMMPI_EXPECT(x.size() == n * d && y.size() == n * m);
  GMMPI_EXPECT(components.empty() ? m == d : components.size() == m * d);
  if (components.empty()) {
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t j = 0; j < d; ++j) y[r * d + j] = (x[r * d + j] - center[j]) / scale[j];
    return;
  }
  std::vector<double> columns(d * m);  // of P one behind the other: lanes are different outputs
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < d; ++j) columns[j * m + i] = components[i * d + j];
  std::ranges::fill(y, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    double* out = y.data() + r * m;
    for (std::size_t j = 0; j < d; ++j) {
      const double t = x[r * d + j] - center[j];
      const double* column = columns.data() + j * m;
      for (std::size_t i = 0; i < m; ++i) out[i] += t * column[i];
    }
    for (std::size_t i = 0; i < m; ++i) out[i] /= scale[i];
  }
}

void Transform::invert(std::span<const double> y, std::span<double> x) const {
  const std::size_t d = center.size(), m = scale.size(), n = y.size() / m;
  GMMPI_EXPECT(y.size() == n * m && x.size() == n * d);
  GMMPI_EXPECT(components.empty() ? m == d : components.size() == m * d);
  for (std::size_t r = 0; r < n; ++r) {
    double* out = x.data() + r * d;
    if (components.empty()) {
      for (std::size_t j = 0; j < d; ++j) out[j] = center[j] + scale[j] * y[r * d + j];
      continue;
    }
    std::fill_n(out, d, 0.0);
    for (std::size_t i = 0; i < m; ++i) {
      const double t = scale[i] * y[r * m + i];
      const double* component = components.data() + i * d;
      for (std::size_t j = 0; j < d; ++j) out[j] += t * component[j];
    }
    for (std::size_t j = 0; j < d; ++j) out[j] += center[j];
  }
}

std::vector<double> log_scales(const Transform& transform, const KernelTable& kernels) {
  if (!transform.components.empty()) return {};
  std::vector<double> parts(transform.scale.size());
  kernels.log(std::ssize(parts), transform.scale.data(), parts.data());
  for (double& part : parts) part = -part;
  return parts;
}

double log_volume(const Transform& transform, const KernelTable& kernels) {
  std::vector<double> logs(transform.scale.size());
  kernels.log(static_cast<int>(logs.size()), transform.scale.data(), logs.data());
  double sum = 0.0;
  for (const double value : logs) sum -= value;
  return sum;
}

}  // namespace gmmpi
