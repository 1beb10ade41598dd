// Covariance structures: how a model's covariances follow from the moments of an iteration.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmmpi/kernels/scatter_shape.hpp"
#include "gmmpi/model/covariance_layout.hpp"

namespace gmmpi {

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
  virtual const CovarianceLayout& layout() const = 0;
  virtual ScatterShape scatter_shape() const = 0;
  /// Free parameters of the covariances (weights and means not counted).
  virtual std::int64_t n_covariance_parameters(int n_components, int n_features) const = 0;
  /// A component's covariance depends on the scatter of the others, too.
  virtual bool pools() const { return true; }
  /// Prior (prior.hpp) is conjugate: each covariance is free but for its layout.
  virtual bool has_conjugate_prior() const { return false; }
  /// Maximum-likelihood covariances, in the layout, without regularisation.
  virtual std::vector<double> covariances(const CentralScatter& moments) const = 0;

  /// What it becomes when columns are left out, or given.
  virtual const CovarianceStructure& after_projection() const { return *this; }
  /// What it becomes when each column is multiplied by a number.
  virtual const CovarianceStructure& after_scaling() const { return *this; }
  /// What it becomes under a linear map.
  virtual const CovarianceStructure& after_map() const { return *this; }
};

/// The structure of that name ("full", "tied", "diag", "spherical"; "none" for components that have no
/// covariances). Throws Error 64 naming those that exist.
const CovarianceStructure& find_structure(std::string_view name);
/// The names of those for components with covariances.
std::vector<std::string> covariance_types();

}  // namespace gmmpi
