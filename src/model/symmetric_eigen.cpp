// Cyclic Jacobi rotations.
#include "model/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gmmpi {

namespace {

constexpr int kMostSweeps = 60;  ///< about ten are enough

struct Rotation {
  double c, s;
};

void rotate_rows(double* p, double* q, Rotation r, int d) {
  for (int l = 0; l < d; ++l) {
    const double x = p[l], y = q[l];
    p[l] = r.c * x - r.s * y;
    q[l] = r.s * x + r.c * y;
  }
}

/// Makes entry (i, j) of `a` zero, and turns rows i and j of `vectors` likewise.
void annihilate(std::vector<double>& a, std::vector<double>& vectors, int d, int i, int j) {
  double *row_i = a.data() + std::size_t(i) * d, *row_j = a.data() + std::size_t(j) * d;
  const double b = row_i[j], tau = 0.5 * (row_j[j] - row_i[i]) / b;
  const double t = (tau >= 0.0 ? 1.0 : -1.0) / (std::abs(tau) + std::sqrt(1.0 + tau * tau));
  const double c = 1.0 / std::sqrt(1.0 + t * t);
  const Rotation rotation{c, t * c};
  const double a_ii = row_i[i] - t * b, a_jj = row_j[j] + t * b;
  rotate_rows(row_i, row_j, rotation, d);
  row_i[i] = a_ii;
  row_j[j] = a_jj;
  row_i[j] = row_j[i] = 0.0;
  for (int l = 0; l < d; ++l) {
    a[std::size_t(l) * d + i] = row_i[l];
    a[std::size_t(l) * d + j] = row_j[l];
  }
  rotate_rows(vectors.data() + std::size_t(i) * d, vectors.data() + std::size_t(j) * d, rotation, d);
}

/// A power of two that brings the largest entry of the diagonal near 1.
double unit_of(std::span<const double> matrix, int d) {
  double largest = 0.0;
  for (int j = 0; j < d; ++j) largest = std::max(largest, std::abs(matrix[std::size_t(j) * d + j]));
  return largest > 0.0 && std::isfinite(largest) ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::span<const double> matrix, int d) {
  const double unit = unit_of(matrix, d);
  std::vector<double> a(matrix.begin(), matrix.end()), vectors(a.size());
  for (double& entry : a) entry *= unit;
  for (int j = 0; j < d; ++j) vectors[std::size_t(j) * d + j] = 1.0;
  bool turned = true;
  for (int sweep = 0; turned && sweep < kMostSweeps; ++sweep) {
    turned = false;
    for (int i = 0; i < d; ++i)
      for (int j = i + 1; j < d; ++j) {
        const double least = std::numeric_limits<double>::epsilon() *
                             std::sqrt(std::abs(a[std::size_t(i) * (d + 1)])) *
                             std::sqrt(std::abs(a[std::size_t(j) * (d + 1)]));
        const double size = std::abs(a[std::size_t(i) * d + j]);
        if (!(size > least) || size < std::numeric_limits<double>::min()) continue;
        annihilate(a, vectors, d, i, j);
        turned = true;
      }
  }
  std::vector<int> order(d);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [&](int i, int j) { return a[std::size_t(i) * (d + 1)] > a[std::size_t(j) * (d + 1)]; });
  SymmetricEigen out;
  for (const int j : order) {
    out.values.push_back(a[std::size_t(j) * (d + 1)] / unit);
    out.vectors.insert(out.vectors.end(), vectors.begin() + std::ptrdiff_t{j} * d,
                       vectors.begin() + std::ptrdiff_t{j + 1} * d);
  }
  return out;
}

}  // namespace gmmpi
