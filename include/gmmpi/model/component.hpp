// What a mixture's components are: their density, and all that depends on their kind.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gmmpi {

class Prepared;
struct KernelTable;
struct Mixture;

/// Random numbers of one row: the i-th uniform in (0, 1).
using RowRandom = std::function<double(int i)>;

/// How many values a fit finds for the components' own parameter: one for each, one for all, none.
enum class Sharing { each, shared, fixed };

/// What is asked of that parameter.
struct OwnOptions {
  Sharing sharing = Sharing::each;
  double value = 0.0;  ///< if fixed
};

/// A kind of components is one file in src/model/components and one line in registry.cpp. Nobody outside asks
/// which it is. An object of this class holds no parameters: these are the mixture's.
class Component {
 public:
  virtual ~Component() = default;
  virtual std::string_view name() const = 0;   ///< of --family and of the attribute `family`: "gaussian"
  virtual std::string_view title() const = 0;  ///< in text: "Gaussian"
  /// Beside its mean each has a covariance, by a CovarianceStructure; else the mean is all.
  virtual bool has_covariances() const { return true; }
  /// Rows are zeros and ones.
  virtual bool is_binary() const { return false; }
  /// What a mixture of them does not go with is refused: conjugate priors (Prior), uniform noise.
  virtual bool has_prior() const { return true; }
  virtual bool goes_with_noise() const { return true; }
  /// Acceleration and the lower bound's trace know local coordinates of all parameters.
  virtual bool has_local_coordinates() const { return true; }
  /// With known classes, the first M-step is the maximum.
  virtual bool is_closed_form() const { return true; }
  /// With a normal error of a row's own the density is a formula: that of the sum of covariances.
  virtual bool has_rowwise_density() const { return false; }
  /// There is a formula for `bhattacharyya`.
  virtual bool has_overlap() const { return true; }

  // A further number of each component (Mixture::own), such as degrees of freedom.
  virtual std::string_view own_name() const { return {}; }  ///< of its dataset and its option; empty: none
  /// What the arrays in the layout of covariances are called in files.
  virtual std::string_view matrices_name() const { return "covariances"; }
  virtual double own_at_start() const { return 0.0; }
  /// Throws Error 64 for a value that cannot be given.
  virtual void validate_own(double /*value*/) const {}
  /// The M-step of `own` (K), which holds the values of the E-step: from N_k and the first of the own sums
  /// that Prepared::weigh brings.
  virtual void maximise_own(Sharing, std::span<const double> /*counts*/, std::span<const double> /*sums*/,
                            int /*n_features*/, const KernelTable&, std::span<double> /*own*/) const {}
  /// What a row adds to own sum i besides, because it has n_observed of n_features columns.
  virtual double own_of_missing(int /*i*/, double /*own*/, int /*n_observed*/, int /*n_features*/,
                                const KernelTable&) const {
    return 0.0;
  }
  /// What it becomes when so many columns are given.
  virtual double own_given(double own, int /*n_given*/) const { return own; }
  /// By what the covariance of the other columns is stretched when those lie at this squared distance.
  virtual double stretch_given(double /*own*/, int /*n_given*/, double /*squared_distance*/) const {
    return 1.0;
  }

  /// Throws Error 65 that starts with `name` for parameters that are none. Shapes are right, numbers finite.
  virtual void validate(const Mixture&, const std::string& /*name*/) const {}
  /// Component k's covariance as a full (d, d) matrix.
  virtual std::vector<double> covariance(const Mixture& mixture, int k) const = 0;
  /// The squared distance from component k that its rows exceed with probability `p`.
  virtual double distance_quantile(const Mixture& mixture, int k, double p, const KernelTable& kernels) const;
  /// The mixture, factorised, ready for a pass over rows.
  virtual std::unique_ptr<Prepared> prepare(const Mixture& mixture, const KernelTable& kernels) const = 0;
  /// From the means (n) that the sums give to those that are possible: rounding.
  virtual void bound_means(std::span<double> /*means*/) const {}
  /// The mean (d) of a new component about a row x.
  virtual void mean_about(const double* x, std::span<double> mean) const;
  /// x (d) of component k.
  virtual void draw(const Mixture& mixture, int k, const RowRandom& random, const KernelTable& kernels,
                    double* x) const = 0;
  /// Bhattacharyya distances of component k of `a` to all of `b`, both of this kind and of the structure that
  /// `comparable` gives them. Kailath, IEEE Trans. Comm. Tech. 15 (1967).
  virtual std::vector<double> bhattacharyya(const Mixture& a, int k, const Mixture& b,
                                            const KernelTable& kernels) const = 0;

  // Local coordinates (src/model/local_coordinates.hpp) of component k's mean, about the mixture `origin`;
  // `chart` is that of its covariance.
  virtual void mean_coordinates(const Mixture& origin, int k, const double* mean, double* out) const = 0;
  virtual void move_mean(const Mixture& origin, int k, const double* chart, const double* x,
                         double* mean) const = 0;
};

/// The kind of that name ("gaussian", "student", "bernoulli"). Throws Error 64 naming those that exist.
const Component& find_component(std::string_view name);
std::vector<std::string> component_names();
/// Adds a kind, before anything is fitted: for programs that embed the library. std::logic_error if there is
/// one of that name.
void register_component(std::unique_ptr<Component> component);

}  // namespace gmmpi
