// A slow, single-threaded textbook EM in long double: the judge of every engine and kernel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// Plain loops, and nothing shared with the product. Covariances are always stored as K full d x d
/// matrices, whatever their type. Source: Bishop, PRML (2006), section 9.2.2. Covariance types are
/// "full", "tied", "diag" and "spherical". Functions throw std::domain_error where a covariance is
/// not positive definite or a component is empty.
namespace textbook {

using Real = long double;

/// N x d row-major doubles with optional sample weights (N, empty: all 1). Views, nothing is copied.
struct Rows {
  std::span<const double> values;
  int d = 0;
  std::span<const double> sample_weight = {};

  std::int64_t size() const { return static_cast<std::int64_t>(values.size()) / d; }
  std::span<const double> operator[](std::int64_t n) const { return values.subspan(n * d, d); }
  double weight(std::int64_t n) const { return sample_weight.empty() ? 1.0 : sample_weight[n]; }
  Real total_weight() const;
};

struct Mixture {
  int d = 0;
  std::vector<Real> weights;      ///< (K)
  std::vector<Real> means;        ///< (K, d)
  std::vector<Real> covariances;  ///< (K, d, d)

  int n_components() const { return static_cast<int>(weights.size()); }
  Real mean(int k, int i) const { return means[k * d + i]; }
  Real covariance(int k, int i, int j) const { return covariances[(k * d + i) * d + j]; }
  Real& covariance(int k, int i, int j) { return covariances[(k * d + i) * d + j]; }
};

/// From arrays in a model file's shapes: covariances (K, d, d), (d, d), (K, d) or (K), by type.
Mixture make_mixture(const std::string& type, std::span<const double> weights, std::span<const double> means,
                     std::span<const double> covariances);
/// The covariances in a model file's shape, rounded to double.
std::vector<double> compact_covariances(const std::string& type, const Mixture& mixture);
/// Free parameters: K - 1 + K d + those of the covariances.
int n_parameters(const std::string& type, int n_components, int d);

/// The densities of a mixture, its covariances factorised once.
class Density {
 public:
  explicit Density(const Mixture& mixture);
  /// Squared Mahalanobis distances of a row from the K means.
  std::vector<Real> mahalanobis_squared(std::span<const double> row) const;
  /// ln N(x | mu_k, Sigma_k), (K).
  std::vector<Real> component_log_density(std::span<const double> row) const;
  /// ln pi_k + ln N(x | mu_k, Sigma_k), (K).
  std::vector<Real> log_joint(std::span<const double> row) const;
  /// ln p(x).
  Real log_density(std::span<const double> row) const;
  /// p(k | x), (K).
  std::vector<Real> responsibilities(std::span<const double> row) const;
  /// ln |Sigma_k|, (K).
  const std::vector<Real>& log_det() const { return log_det_; }

 private:
  Mixture mixture_;
  std::vector<Real> cholesky_;  // (K, d, d) lower triangular
  std::vector<Real> log_det_;   // (K)
};

/// What one E-step knows of all rows.
struct Expectation {
  std::vector<Real> log_joint;         ///< (N, K)
  std::vector<Real> responsibilities;  ///< (N, K)
  std::vector<Real> log_density;       ///< (N)
  Real log_likelihood = 0;             ///< total, weighted
};

Expectation e_step(const Rows& rows, const Mixture& mixture);

/// Maximum likelihood from responsibilities (N, K): moments in two passes, the second one about the
/// new means. `reg_covar` (d, or empty: nothing) is added to the variances of the columns, its mean
/// to spherical ones.
Mixture m_step(const std::string& type, const Rows& rows, std::span<const Real> responsibilities,
               std::span<const double> reg_covar = {});

/// Labels (N): the component of the largest log joint, the lowest on a tie.
std::vector<int> labels(const Expectation& expectation);
/// Responsibilities (N, K) that are 1 at the label and 0 elsewhere (hard EM, supervised fit).
std::vector<Real> one_hot(std::span<const int> labels, int n_components);

struct Fit {
  Mixture mixture;
  std::vector<Real> history;  ///< entry i: total log-likelihood after i M-steps; n_iter + 1 entries
  bool converged = false;
  int n_iter() const { return static_cast<int>(history.size()) - 1; }
};

/// Exactly `n_iter` M-steps.
Fit run(const std::string& type, const Rows& rows, const Mixture& start, int n_iter,
        std::span<const double> reg_covar = {});
/// Until the mean log-likelihood per unit of weight changes by less than `tol`.
Fit run_to_convergence(const std::string& type, const Rows& rows, const Mixture& start, Real tol,
                       int max_iter, std::span<const double> reg_covar = {});

/// How far `actual` is from `expected`, in units that a user would choose.
struct Difference {
  Real weights = 0;      ///< largest absolute difference
  Real means = 0;        ///< largest, in standard deviations of the expected component
  Real covariances = 0;  ///< largest of an entry over the product of its two standard deviations
};
Difference difference(const Mixture& expected, const Mixture& actual);

/// One step of Lloyd's k-means from centres (K, d).
struct Lloyd {
  std::vector<int> labels;    ///< (N) nearest of the given centres, the lowest on a tie
  Real inertia = 0;           ///< weighted sum of squared distances to the given centres
  std::vector<Real> centers;  ///< (K, d) means of the rows so labelled; an empty cluster keeps its centre
};
Lloyd lloyd_step(const Rows& rows, std::span<const Real> centers);

}  // namespace textbook
