// Covariance structures: how a model's covariances follow from the moments of an iteration.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmmpi/kernels/scatter_shape.hpp"
#include "gmmpi/model/covariance_layout.hpp"

namespace gmmpi {

struct KernelTable;

/// Moments about the new means, as a structure's scatter shape asks for them, and what an M-step may start
/// from.
struct CentralScatter {
  int n_components, n_features;
  std::span<const double> counts;  ///< K: N_k, sums of responsibility times weight, all positive
  double total_weight;             ///< sum of the N_k
  /// Per component (or pooled): sum of gamma (x - mu_k)(x - mu_k)^T, the upper triangle row by row, or the
  /// diagonal only.
  std::span<const double> scatter;
  /// The covariances of the parameters before, in the structure's layout, where inner iterations start;
  /// empty: there are none, as in starts.
  std::span<const double> before{};
  std::span<const double> floor{};       ///< (d) the least variances that count; empty: all count
  const KernelTable* kernels = nullptr;  ///< for logarithms; null: any, all give the same bits
  /// Components, ascending, that have no rows: their counts are made up, their covariances are not used.
  std::span<const int> empty{};
  /// Gets the components whose own scatter is below the floor and was raised to it; may be null.
  std::vector<int>* raised = nullptr;
};

/// A structure is one file in src/model/structures and one line in registry.cpp. It knows only its M-step and
/// its number of parameters, and what linear maps make of it; kernels know the shapes that it declares.
class CovarianceStructure {
 public:
  virtual ~CovarianceStructure() = default;
  virtual std::string_view name() const = 0;
  /// The three letters of mclust: volume, shape and orientation, each equal (E), varying (V) or that of a
  /// ball or of the axes (I). By default the name.
  virtual std::string_view mclust_name() const { return name(); }
  virtual const CovarianceLayout& layout() const = 0;
  virtual ScatterShape scatter_shape() const = 0;
  /// Free parameters of the covariances (weights and means not counted).
  virtual std::int64_t n_covariance_parameters(int n_components, int n_features) const = 0;
  /// A component's covariance depends on the scatter of the others, too.
  virtual bool pools() const { return true; }
  /// All components have one covariance, stored once or for each; a prior (prior.hpp) is on that one.
  virtual bool has_one_covariance() const { return layout().is_shared(); }
  /// Rows without which a component's part in the covariances is singular.
  virtual int rows_needed(int n_features) const {
    return has_one_covariance() ? 0 : layout().is_diagonal() ? 2 : n_features + 1;
  }
  /// Maximum-likelihood covariances, in the layout, without regularisation: of those that it allows, the ones
  /// that maximise -sum_k (N_k ln |Sigma_k| + tr(W_k Sigma_k^-1)) / 2. A prior adds rows to N_k and W_k.
  virtual std::vector<double> covariances(const CentralScatter& moments) const = 0;

  /// Whether covariances obey more than their layout says, because components determine each other's volume,
  /// shape or orientation.
  bool is_constrained() const { return pools() && !layout().is_shared(); }
  /// Whether it is closed under linear combinations of local coordinates (src/model/local_coordinates.hpp).
  virtual bool extrapolates() const { return true; }
  /// What it becomes when columns are left out, or given.
  virtual const CovarianceStructure& after_projection() const { return *this; }
  /// What it becomes when each column is multiplied by a number.
  virtual const CovarianceStructure& after_scaling() const { return *this; }
  /// What it becomes under a linear map.
  virtual const CovarianceStructure& after_map() const { return *this; }
};

/// The structure of that name: "full", "tied", "diag", "spherical", or mclust's letters in either case, E and
/// V of one column included; "none" for components that have no covariances. Throws Error 64 naming those
/// that exist.
const CovarianceStructure& find_structure(std::string_view name);
/// The one in that layout whose components' covariances are free.
const CovarianceStructure& unconstrained(const CovarianceLayout& layout);
/// scikit-learn's four: full, tied, diag, spherical.
std::vector<std::string> covariance_types();
/// All that have covariances, in mclust's order: EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV.
std::vector<const CovarianceStructure*> covariance_structures();
/// Adds a structure, before anything is fitted: for programs that embed the library. std::logic_error if
/// there is one of that name.
void register_structure(std::unique_ptr<CovarianceStructure> structure);

}  // namespace gmmpi
