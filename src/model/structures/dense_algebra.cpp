// Small dense algebra of the M-steps.
#include "model/structures/dense_algebra.hpp"

#include <cmath>
#include <limits>

#include "model/symmetric.hpp"

namespace gmmpi {

std::vector<double> full_scatter(const CentralScatter& m, int k) {
  std::vector<double> out;
  append_symmetric(m, k, 1.0, out);
  return out;
}

std::vector<double> cholesky_factor(std::span<const double> a, int d) {
  const std::size_t n = d;
  std::vector<double> L(n * n);
  const double smallest = 4.0 * d * std::numeric_limits<double>::epsilon();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (std::size_t l = 0; l < j; ++l) sum -= L[i * n + l] * L[j * n + l];
      L[i * n + j] = sum;
    }
    const double pivot = L[j * n + j];
    if (!(pivot > smallest * a[j * n + j]) || !std::isfinite(pivot)) return {};
    const double root = std::sqrt(pivot);
    L[j * n + j] = root;
    for (std::size_t i = j + 1; i < n; ++i) L[i * n + j] /= root;
  }
  return L;
}

std::vector<double> inverse_of_lower(const std::vector<double>& L, int d) {
  const std::size_t n = d;
  std::vector<double> inverse(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    double* row = inverse.data() + i * n;
    row[i] = 1.0;
    for (std::size_t l = 0; l < i; ++l)
      for (std::size_t j = 0; j <= l; ++j) row[j] -= L[i * n + l] * inverse[l * n + j];
    for (std::size_t j = 0; j <= i; ++j) row[j] /= L[i * n + i];
  }
  return inverse;
}

std::vector<double> congruence(std::span<const double> B, std::span<const double> A, int d) {
  const std::size_t n = d;
  std::vector<double> BA(n * n), out(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t l = 0; l < n; ++l) {
      const double b = B[i * n + l];
      if (b == 0.0) continue;
      for (std::size_t j = 0; j < n; ++j) BA[i * n + j] += b * A[l * n + j];
    }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      double sum = 0.0;
      for (std::size_t l = 0; l < n; ++l) sum += BA[i * n + l] * B[j * n + l];
      out[i * n + j] = out[j * n + i] = sum;
    }
  return out;
}

void append_from_axes(std::span<const double> axes, std::span<const double> values,
                      std::vector<double>& out) {
  const std::size_t n = values.size(), base = out.size();
  out.resize(base + n * n);
  for (std::size_t l = 0; l < n; ++l) {
    const double* axis = axes.data() + l * n;
    for (std::size_t i = 0; i < n; ++i) {
      const double scaled = values[l] * axis[i];
      double* row = out.data() + base + i * n;
      for (std::size_t j = 0; j <= i; ++j) row[j] += scaled * axis[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) out[base + j * n + i] = out[base + i * n + j];
}

double geometric_mean(std::span<const double> values, const KernelTable& kernels) {
  double sum = 0.0;
  for (const double value : values) {
    if (!(value >= std::numeric_limits<double>::min())) return 0.0;
    sum += log_of(value, kernels);
  }
  return exp_of(sum / static_cast<double>(values.size()), kernels);
}

}  // namespace gmmpi
