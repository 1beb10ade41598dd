// Variances: (K, d), one for each column of each component.
#include "model/layouts/variances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gmmpi {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

bool invert_scales(const double* variance, std::size_t n, double* scale) {
  for (std::size_t j = 0; j < n; ++j) {
    if (!(variance[j] >= std::numeric_limits<double>::min()) || !std::isfinite(variance[j])) return false;
    scale[j] = 1.0 / std::sqrt(variance[j]);
  }
  return true;
}

namespace {

class Variances final : public CovarianceLayout {
 public:
  std::vector<std::size_t> dims(int K, int d) const override { return {std::size_t(K), std::size_t(d)}; }
  bool is_diagonal() const override { return true; }
  std::size_t stride(int d) const override { return d; }

  void to_full(const double* c, int d, double* full) const override {
    std::fill_n(full, std::size_t(d) * d, 0.0);
    for (int j = 0; j < d; ++j) full[std::size_t(j) * (d + 1)] = c[j];
  }
  std::vector<double> diagonal(const double* c, int d) const override { return {c, c + d}; }
  void append(std::span<const double> full, int d, std::vector<double>& out) const override {
    for (int j = 0; j < d; ++j) out.push_back(full[std::size_t(j) * (d + 1)]);
  }
  void add_diagonal(std::span<const double> v, double* c) const override {
    for (std::size_t j = 0; j < v.size(); ++j) c[j] += v[j];
  }
  void set_diagonal(std::span<const double> v, double* c) const override { std::ranges::copy(v, c); }
  void select(const double* c, int, std::span<const int> columns, std::vector<double>& out) const override {
    for (const int j : columns) out.push_back(c[j]);
  }
  double condition_number(const double* c, int d) const override {
    const auto [least, most] = std::minmax_element(c, c + d);
    return *most / *least;
  }

  bool factorise(const double* c, int d, double* u) const override { return invert_scales(c, d, u); }
  bool has_positive_diagonal(const double* u, int d) const override {
    return std::all_of(u, u + d, [](double e) { return e > 0.0; });
  }
  double log_det(const double* u, int d, const KernelTable& kernels) const override {
    double sum = 0.0;
    for (int j = 0; j < d; ++j) sum += log_of(u[j], kernels);
    return sum;
  }
  void whiten(const double* u, int d, const double* x, double* y) const override {
    for (int j = 0; j < d; ++j) y[j] = u[j] * x[j];
  }
  void colour(const double* u, int d, double* z) const override {
    for (int j = 0; j < d; ++j) z[j] /= u[j];
  }
  void factor_to_full(const double* u, int d, double* full) const override { to_full(u, d, full); }
  double trace_of_product(const double* s, const double* u, int d) const override {
    double trace = 0.0;
    for (int j = 0; j < d; ++j) trace += s[j] * u[j] * u[j];
    return trace;
  }

  bool is_above(const double* c, const double*, std::span<const double> floor) const override {
    for (std::size_t j = 0; j < floor.size(); ++j)
      if (c[j] < floor[j]) return false;
    return true;
  }
  Raised raise(bool, std::span<const double> floor, double* c, double* u) const override {
    Raised raised;
    for (std::size_t j = 0; j < floor.size(); ++j)
      if (c[j] < floor[j]) c[j] = floor[j], raised.changed = true;
    raised.finite = invert_scales(c, floor.size(), u);
    return raised;
  }
  Narrowest narrowest(const double* c, const double*, std::span<const double> unit) const override {
    std::size_t least = 0;
    for (std::size_t j = 1; j < unit.size(); ++j)
      if (c[j] / unit[j] < c[least] / unit[least]) least = j;
    Narrowest out{c[least] / unit[least], std::vector<double>(unit.size())};
    out.direction[least] = 1.0;
    return out;
  }

  double prior_rows(double dof, int) const override { return dof + 2.0; }

  std::vector<double> information(int d) const override { return std::vector<double>(d, 2.0); }
  void coordinates(const double* origin_u, const double* u, int d, const KernelTable& kernels,
                   double* out) const override {
    for (int j = 0; j < d; ++j) out[j] = log_of(origin_u[j] / u[j], kernels);
  }
  void at(const double*, const double* x, int d, const KernelTable& kernels, double* c) const override {
    for (int j = 0; j < d; ++j) c[j] *= exp_of(2.0 * x[j], kernels);
  }
  void move_mean(const double*, const double* u, const double* x, int d, double* mean) const override {
    for (int j = 0; j < d; ++j) mean[j] += x[j] / u[j];
  }

  std::unique_ptr<Distances> distances(const Mixture& m, const KernelTable& kernels) const override {
    const auto& u = m.precisions_cholesky;
    return std::make_unique<DiagonalDistances>(m, AlignedDoubles(u.begin(), u.end()), kernels);
  }
};

}  // namespace

const CovarianceLayout& variances() {
  static const Variances layout;
  return layout;
}

}  // namespace gmmpi
