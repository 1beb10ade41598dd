// Single variances: (K), one for all columns of a component.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/layouts/variances.hpp"

namespace gmmpi {

namespace {

class SingleVariances final : public CovarianceLayout {
 public:
  std::vector<std::size_t> dims(int K, int) const override { return {std::size_t(K)}; }
  bool is_diagonal() const override { return true; }
  bool is_round() const override { return true; }
  std::size_t stride(int) const override { return 1; }

  void to_full(const double* c, int d, double* full) const override {
    std::fill_n(full, std::size_t(d) * d, 0.0);
    for (int j = 0; j < d; ++j) full[std::size_t(j) * (d + 1)] = c[0];
  }
  std::vector<double> diagonal(const double* c, int d) const override { return std::vector<double>(d, c[0]); }
  void append(std::span<const double> full, int, std::vector<double>& out) const override {
    out.push_back(full[0]);
  }
  void add_diagonal(std::span<const double> v, double* c) const override { c[0] += mean_of(v); }
  void set_diagonal(std::span<const double> v, double* c) const override { c[0] = mean_of(v); }
  void select(const double* c, int, std::span<const int>, std::vector<double>& out) const override {
    out.push_back(c[0]);
  }
  double condition_number(const double*, int) const override { return 1.0; }

  bool factorise(const double* c, int, double* u) const override { return invert_scales(c, 1, u); }
  bool has_positive_diagonal(const double* u, int) const override { return u[0] > 0.0; }
  double log_det(const double* u, int d, const KernelTable& kernels) const override {
    return log_of(u[0], kernels) * d;
  }
  void whiten(const double* u, int d, const double* x, double* y) const override {
    for (int j = 0; j < d; ++j) y[j] = u[0] * x[j];
  }
  void colour(const double* u, int d, double* z) const override {
    for (int j = 0; j < d; ++j) z[j] /= u[0];
  }
  void factor_to_full(const double* u, int d, double* full) const override { to_full(u, d, full); }
  double trace_of_product(const double* s, const double* u, int) const override { return s[0] * u[0] * u[0]; }

  bool is_above(const double* c, const double*, std::span<const double> floor) const override {
    return !(c[0] < mean_of(floor));
  }
  Raised raise(bool, std::span<const double> floor, double* c, double* u) const override {
    Raised raised;
    const double least = mean_of(floor);
    if (c[0] < least) c[0] = least, raised.changed = true;
    raised.finite = invert_scales(c, 1, u);
    return raised;
  }
  Narrowest narrowest(const double* c, const double*, std::span<const double> unit) const override {
    Narrowest out{c[0] / mean_of(unit), std::vector<double>(unit.size())};
    out.direction[0] = 1.0;
    return out;
  }
  double prior_rows(double dof, int d) const override { return (dof + 2.0) / d; }

  std::vector<double> information(int d) const override { return {2.0 * d}; }
  void coordinates(const double* origin_u, const double* u, int, const KernelTable& kernels,
                   double* out) const override {
    out[0] = log_of(origin_u[0] / u[0], kernels);
  }
  void at(const double*, const double* x, int, const KernelTable& kernels, double* c) const override {
    c[0] *= exp_of(2.0 * x[0], kernels);
  }
  void move_mean(const double*, const double* u, const double* x, int d, double* mean) const override {
    for (int j = 0; j < d; ++j) mean[j] += x[j] / u[0];
  }

  std::unique_ptr<Distances> distances(const Mixture& m, const KernelTable& kernels) const override {
    AlignedDoubles scales;
    for (const double scale : m.precisions_cholesky) scales.insert(scales.end(), m.n_features, scale);
    return std::make_unique<DiagonalDistances>(m, std::move(scales), kernels);
  }
};

}  // namespace

const CovarianceLayout& single_variances() {
  static const SingleVariances layout;
  return layout;
}

}  // namespace gmmpi
