// No covariances: for components that are their means alone.
#include <stdexcept>

#include "gmmpi/model/covariance_layout.hpp"
#include "gmmpi/model/distances.hpp"

namespace gmmpi {

namespace {

class NoCovariances final : public CovarianceLayout {
 public:
  std::vector<std::size_t> dims(int, int) const override { return {0}; }
  std::size_t stride(int) const override { return 0; }
  int n_covariances(int) const override { return 0; }
  void to_full(const double*, int, double*) const override { none(); }
  std::vector<double> diagonal(const double*, int) const override { none(); }
  void append(std::span<const double>, int, std::vector<double>&) const override { none(); }
  void add_diagonal(std::span<const double>, double*) const override { none(); }
  void set_diagonal(std::span<const double>, double*) const override { none(); }
  void select(const double*, int, std::span<const int>, std::vector<double>&) const override { none(); }
  double condition_number(const double*, int) const override { none(); }
  bool factorise(const double*, int, double*) const override { none(); }
  bool has_positive_diagonal(const double*, int) const override { none(); }
  double log_det(const double*, int, const KernelTable&) const override { none(); }
  void whiten(const double*, int, const double*, double*) const override { none(); }
  void colour(const double*, int, double*) const override { none(); }
  void factor_to_full(const double*, int, double*) const override { none(); }
  double trace_of_product(const double*, const double*, int) const override { none(); }
  bool is_above(const double*, const double*, std::span<const double>) const override { none(); }
  Raised raise(bool, std::span<const double>, double*, double*) const override { none(); }
  Narrowest narrowest(const double*, const double*, std::span<const double>) const override { none(); }
  double prior_rows(double, int) const override { return 0.0; }
  std::vector<double> information(int) const override { return {}; }
  void coordinates(const double*, const double*, int, const KernelTable&, double*) const override { none(); }
  void at(const double*, const double*, int, const KernelTable&, double*) const override { none(); }
  void move_mean(const double*, const double*, const double*, int, double*) const override { none(); }
  std::unique_ptr<Distances> distances(const Mixture&, const KernelTable&) const override { none(); }

 private:
  [[noreturn]] static void none() { throw std::logic_error("components without covariances"); }
};

}  // namespace

const CovarianceLayout& no_covariances() {
  static const NoCovariances layout;
  return layout;
}

}  // namespace gmmpi
