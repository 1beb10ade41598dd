// How covariances are stored, and all that depends on it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gmmpi {

class Distances;
struct KernelTable;
struct Mixture;

/// Where a covariance is narrowest, against the variances `unit` (d).
struct Narrowest {
  double variance = 0.0;  ///< as a share of `unit`
  std::vector<double>
      direction;  ///< (d), of length 1 in columns of these variances; the largest entry positive
};

/// A way of storing covariances: as (d, d) matrices, d variances, or one variance, per component or shared by
/// all. `c` is one covariance and `u` its precision factor, both of `stride` numbers; U (d, d) is upper
/// triangular, with precision U U^T. An object of this class holds no numbers.
class CovarianceLayout {
 public:
  virtual ~CovarianceLayout() = default;
  /// One covariance for all components.
  virtual bool is_shared() const { return false; }
  virtual bool is_diagonal() const { return false; }  ///< columns are not correlated
  virtual bool is_round() const { return false; }     ///< every direction is as narrow as any other
  /// Dimensions of the array of all of them: (K, d, d), (d, d), (K, d) or (K).
  virtual std::vector<std::size_t> dims(int n_components, int n_features) const = 0;
  virtual std::size_t stride(int n_features) const = 0;  ///< numbers of one covariance
  /// How many there are: K, 1 or 0.
  virtual int n_covariances(int n_components) const { return is_shared() ? 1 : n_components; }

  // One covariance.
  virtual bool is_symmetric(const double* /*c*/, int /*d*/) const { return true; }
  virtual void to_full(const double* c, int d, double* full) const = 0;    ///< (d, d)
  virtual std::vector<double> diagonal(const double* c, int d) const = 0;  ///< (d) variances
  /// Appends a full (d, d) covariance that is of this kind, as it is stored.
  virtual void append(std::span<const double> full, int d, std::vector<double>& out) const = 0;
  /// Adds variances (d) to the diagonal: to a single variance their mean.
  virtual void add_diagonal(std::span<const double> variances, double* c) const = 0;
  /// Sets the covariance to that diagonal: a single variance to their mean.
  virtual void set_diagonal(std::span<const double> variances, double* c) const = 0;
  /// Appends rows and columns `columns` of it.
  virtual void select(const double* c, int d, std::span<const int> columns,
                      std::vector<double>& out) const = 0;
  /// Largest by least eigenvalue; infinite beyond the last digit.
  virtual double condition_number(const double* c, int d) const = 0;

  // Its precision factor.
  /// False if it is not positive definite; a Cholesky pivot below 4 d eps of its column's variance counts as
  /// zero.
  virtual bool factorise(const double* c, int d, double* u) const = 0;
  virtual bool has_positive_diagonal(const double* u, int d) const = 0;
  virtual double log_det(const double* u, int d, const KernelTable& kernels) const = 0;  ///< ln det U
  virtual void whiten(const double* u, int d, const double* x, double* y) const = 0;     ///< y = U^T x
  virtual void colour(const double* u, int d, double* z) const = 0;                      ///< z to U^-T z
  virtual void factor_to_full(const double* u, int d, double* full) const = 0;
  /// tr(S U U^T), where S is stored likewise.
  virtual double trace_of_product(const double* s, const double* u, int d) const = 0;

  // The floor under variances (src/model/variance_floor.hpp).
  struct Raised {
    bool finite = true;
    bool changed = false;
  };
  /// Certainly nowhere below diag(floor).
  virtual bool is_above(const double* c, const double* u, std::span<const double> floor) const = 0;
  /// The covariance of most expected likelihood that is nowhere below diag(floor), and its factor. With
  /// has_factor, `u` is that of `c`, and is left alone if nothing is below.
  virtual Raised raise(bool has_factor, std::span<const double> floor, double* c, double* u) const = 0;
  virtual Narrowest narrowest(const double* c, const double* u, std::span<const double> unit) const = 0;

  /// Rows that an inverse Wishart prior of dof nu, or inverse gamma priors of nu / 2, count as in the
  /// denominator of the M-step (src/model/prior.cpp).
  virtual double prior_rows(double dof, int d) const = 0;

  // Local coordinates (src/model/local_coordinates.hpp) of a covariance, and of a mean in its widths.
  /// The diagonal of the information on them.
  virtual std::vector<double> information(int d) const = 0;
  /// What move_mean and at need of the origin's factor; may be empty.
  virtual std::vector<double> chart(const double* /*u*/, int /*d*/) const { return {}; }
  /// Numbers that a chart or a change of coordinates multiplies, about.
  virtual double chart_cost(int /*d*/) const { return 0.0; }
  virtual void coordinates(const double* origin_u, const double* u, int d, const KernelTable& kernels,
                           double* out) const = 0;
  /// `c` is the origin's at first.
  virtual void at(const double* chart, const double* x, int d, const KernelTable& kernels,
                  double* c) const = 0;
  /// mean += L x, where L L^T is the origin's covariance.
  virtual void move_mean(const double* chart, const double* u, const double* x, int d,
                         double* mean) const = 0;

  /// Squared distances |U_k^T (x - mu_k)|^2 of a mixture in this layout, for the E-step.
  virtual std::unique_ptr<Distances> distances(const Mixture& mixture, const KernelTable& kernels) const = 0;
};

/// The layouts: matrices (K, d, d); one matrix (d, d); variances (K, d); one variance each (K); none at all.
const CovarianceLayout& matrices();
const CovarianceLayout& shared_matrix();
const CovarianceLayout& variances();
const CovarianceLayout& single_variances();
const CovarianceLayout& no_covariances();

}  // namespace gmmpi
