// Matrices: (K, d, d), one for each component, or (d, d), one for all.
#include <algorithm>
#include <cmath>

#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/model/distances.hpp"
#include "kernels/table.hpp"
#include "model/layouts/matrix_algebra.hpp"
#include "model/layouts/variances.hpp"

namespace gmmpi {

void pack_factor(const double* factor, int d, double* out) {
  for (int j = 0; j < d; j += kFactorColumns)
    for (int i = 0; i < std::min(d, j + kFactorColumns); ++i)
      for (int c = 0; c < kFactorColumns; ++c)
        *out++ = j + c < d && i <= j + c ? factor[std::size_t(i) * d + j + c] : 0.0;
}

namespace {

/// Distances by packed factors, one for each component or one for all.
class DenseDistances final : public Distances {
 public:
  DenseDistances(const Mixture& m, bool shared, const KernelTable& kernels)
      : kernels_(kernels),
        K_(m.n_components),
        d_(m.n_features),
        size_(packed_factor_size(d_)),
        step_(shared ? 0 : size_),
        means_(m.means.begin(), m.means.end()),
        factors_((shared ? 1 : K_) * size_) {
    const std::size_t stride = std::size_t(d_) * d_;
    for (std::size_t k = 0; k * size_ < factors_.size(); ++k)
      pack_factor(m.precisions_cholesky.data() + k * stride, d_, factors_.data() + k * size_);
  }

  void first(int columns, const double* xt, double* scratch, double* out) const override {
    // The leading columns of a packed factor are the packed leading factor.
    for (int k = 0; k < K_; ++k)
      kernels_.mahalanobis_dense(columns, xt, mean(k), factor(k), scratch, out + std::size_t(k) * kTile);
  }
  void rest(int columns, int k, int n_rows, const double* xt, double* scratch,
            double* distances) const override {
    kernels_.mahalanobis_dense_rest(columns, d_, n_rows, xt, mean(k), factor(k) + packed_factor_size(columns),
                                    scratch, distances);
  }
  double cost(double columns) const override { return columns * (columns + 6.0) / 32.0; }

 private:
  const double* mean(int k) const { return means_.data() + std::int64_t{k} * d_; }
  const double* factor(int k) const { return factors_.data() + k * step_; }

  const KernelTable& kernels_;
  int K_, d_;
  std::int64_t size_, step_;
  AlignedDoubles means_, factors_;
};

class Matrices : public CovarianceLayout {
 public:
  std::vector<std::size_t> dims(int K, int d) const override {
    return {std::size_t(K), std::size_t(d), std::size_t(d)};
  }
  std::size_t stride(int d) const override { return std::size_t(d) * d; }

  bool is_symmetric(const double* c, int d) const override {
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < i; ++j) {
        const double a = c[std::size_t(i) * d + j], b = c[std::size_t(j) * d + i];
        const double scale = std::sqrt(std::abs(c[std::size_t(i) * (d + 1)])) *
                             std::sqrt(std::abs(c[std::size_t(j) * (d + 1)]));
        if (!(std::abs(a - b) <= 1e-8 * scale)) return false;
      }
    return true;
  }
  void to_full(const double* c, int d, double* full) const override { std::copy_n(c, stride(d), full); }
  std::vector<double> diagonal(const double* c, int d) const override {
    std::vector<double> out;
    for (int j = 0; j < d; ++j) out.push_back(c[std::size_t(j) * (d + 1)]);
    return out;
  }
  void append(std::span<const double> full, int, std::vector<double>& out) const override {
    out.insert(out.end(), full.begin(), full.end());
  }
  void add_diagonal(std::span<const double> v, double* c) const override {
    for (std::size_t j = 0; j < v.size(); ++j) c[j * (v.size() + 1)] += v[j];
  }
  void set_diagonal(std::span<const double> v, double* c) const override {
    std::fill_n(c, v.size() * v.size(), 0.0);
    for (std::size_t j = 0; j < v.size(); ++j) c[j * (v.size() + 1)] = v[j];
  }
  void select(const double* c, int d, std::span<const int> columns, std::vector<double>& out) const override {
    for (const int i : columns)
      for (const int j : columns) out.push_back(c[std::size_t(i) * d + j]);
  }
  double condition_number(const double* c, int d) const override { return condition_of_matrix(c, d); }

  bool factorise(const double* c, int d, double* u) const override { return precision_factor(c, d, u); }
  bool has_positive_diagonal(const double* u, int d) const override {
    for (int j = 0; j < d; ++j)
      if (!(u[std::size_t(j) * (d + 1)] > 0.0)) return false;
    return true;
  }
  double log_det(const double* u, int d, const KernelTable& kernels) const override {
    double sum = 0.0;
    for (int j = 0; j < d; ++j) sum += log_of(u[std::size_t(j) * (d + 1)], kernels);
    return sum;
  }
  void whiten(const double* u, int d, const double* x, double* y) const override {
    for (int j = 0; j < d; ++j) {
      y[j] = 0.0;
      for (int i = 0; i <= j; ++i) y[j] += u[std::size_t(i) * d + j] * x[i];
    }
  }
  void colour(const double* u, int d, double* z) const override {
    for (int j = 0; j < d; ++j) {
      for (int i = 0; i < j; ++i) z[j] -= u[std::size_t(i) * d + j] * z[i];
      z[j] /= u[std::size_t(j) * (d + 1)];
    }
  }
  void factor_to_full(const double* u, int d, double* full) const override { to_full(u, d, full); }
  double trace_of_product(const double* s, const double* u, int d) const override {
    double trace = 0.0;
    for (int c = 0; c < d; ++c)
      for (int i = 0; i <= c; ++i) {
        double row = 0.0;
        for (int j = 0; j <= c; ++j) row += s[std::size_t(i) * d + j] * u[std::size_t(j) * d + c];
        trace += u[std::size_t(i) * d + c] * row;
      }
    return trace;
  }

  /// The trace of F Sigma^-1 is no less than the largest eigenvalue of F^1/2 Sigma^-1 F^1/2.
  bool is_above(const double*, const double* u, std::span<const double> floor) const override {
    const std::size_t d = floor.size();
    double trace = 0.0;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = i; j < d; ++j) trace += floor[i] * u[i * d + j] * u[i * d + j];
    return trace <= 1.0;
  }
  Raised raise(bool has_factor, std::span<const double> floor, double* c, double* u) const override {
    return raise_matrix(has_factor, floor, c, u);
  }
  Narrowest narrowest(const double*, const double* u, std::span<const double> unit) const override {
    return narrowest_of_factor(u, unit);
  }

  double prior_rows(double dof, int d) const override { return dof + d + 1.0; }

  std::vector<double> information(int d) const override {
    std::vector<double> out;
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j) out.push_back(i == j ? 2.0 : 1.0);
    return out;
  }
  std::vector<double> chart(const double* u, int d) const override {
    std::vector<double> L(stride(d));
    covariance_factor(u, d, L.data());
    return L;
  }
  double chart_cost(int d) const override { return double(d) * d * d; }
  void coordinates(const double* origin_u, const double* u, int d, const KernelTable& kernels,
                   double* out) const override {
    const std::vector<double> B = relative_factor(origin_u, chart(u, d).data(), d);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j) {
        const double entry = B[std::size_t(i) * d + j];
        *out++ = i == j ? log_of(entry, kernels) : entry;
      }
  }
  void at(const double* chart, const double* x, int d, const KernelTable& kernels, double* c) const override {
    std::vector<double> B(stride(d));
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j, ++x) B[std::size_t(i) * d + j] = i == j ? exp_of(*x, kernels) : *x;
    covariance_of(chart, B, d, c);
  }
  void move_mean(const double* chart, const double*, const double* x, int d, double* mean) const override {
    for (int j = 0; j < d; ++j)
      for (int i = 0; i <= j; ++i) mean[j] += chart[std::size_t(j) * d + i] * x[i];
  }

  std::unique_ptr<Distances> distances(const Mixture& m, const KernelTable& kernels) const override {
    return std::make_unique<DenseDistances>(m, is_shared(), kernels);
  }
};

class SharedMatrix final : public Matrices {
 public:
  bool is_shared() const override { return true; }
  std::vector<std::size_t> dims(int, int d) const override { return {std::size_t(d), std::size_t(d)}; }
};

}  // namespace

const CovarianceLayout& matrices() {
  static const Matrices layout;
  return layout;
}

const CovarianceLayout& shared_matrix() {
  static const SharedMatrix layout;
  return layout;
}

}  // namespace gmmpi
