// Covariance structures: how a model's covariances follow from the moments of an iteration.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gmmpi {

enum class ScatterShape;

/// How precisions are stored and evaluated in the E-step (the layout of `covariances` and
/// `precisions_cholesky`).
enum class PrecisionShape {
  dense,         ///< (K, d, d)
  shared_dense,  ///< (d, d), the same for all components
  diagonal,      ///< (K, d)
  spherical,     ///< (K), the same for all columns
  none,          ///< no covariances: independent binary columns
};

/// Dimensions of the covariance array of such a shape.
std::vector<std::size_t> covariance_dims(PrecisionShape shape, int n_components, int n_features);
/// Number of values of one component's covariance (of the shared one).
std::size_t covariance_stride(PrecisionShape shape, int n_features);

/// Moments about the new means, as a structure's scatter shape asks for them.
struct CentralScatter {
  int n_components, n_features;
  std::span<const double> counts;  ///< K: N_k, sums of responsibility times weight, all positive
  double total_weight;             ///< sum of the N_k
  /// Per component (or pooled): sum of gamma (x - mu_k)(x - mu_k)^T, the upper triangle row by row, or the
  /// diagonal only.
  std::span<const double> scatter;
};

/// A structure is one file in src/model/structures and one line in registry.cpp. It knows only its M-step and
/// its number of parameters; kernels know the shapes that it declares.
class CovarianceStructure {
 public:
  virtual ~CovarianceStructure() = default;
  virtual std::string_view name() const = 0;
  virtual PrecisionShape precision_shape() const = 0;
  virtual ScatterShape scatter_shape() const = 0;
  /// Free parameters of the covariances (weights and means not counted).
  virtual std::int64_t n_covariance_parameters(int n_components, int n_features) const = 0;
  /// The distribution of a component: "gaussian" or "bernoulli".
  virtual std::string_view distribution() const { return "gaussian"; }
  /// Maximum-likelihood covariances, in the layout of precision_shape(), without regularisation.
  virtual std::vector<double> covariances(const CentralScatter& moments) const = 0;
};

/// The structure of that name ("full", "tied", "diag", "spherical", "bernoulli"). Throws Error 64 naming those
/// that exist.
const CovarianceStructure& find_structure(std::string_view name);
/// The names of those with covariances.
std::vector<std::string> covariance_types();

}  // namespace gmmpi
