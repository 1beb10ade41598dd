// A mixture: weights, means, covariances and their precision factors, and perhaps noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/transform.hpp"
#include "gmmpi/model/background.hpp"
#include "gmmpi/model/component.hpp"
#include "gmmpi/model/covariance_structure.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

struct KernelTable;

/// What the components of a mixture are: their kind, and the structure of their covariances.
struct Kind {
  const Component* component = nullptr;
  const CovarianceStructure* structure = nullptr;
  OwnOptions own;

  Kind(const CovarianceStructure& s, const Component& c = find_component("gaussian"), OwnOptions o = {})
      : component(&c), structure(&s), own(o) {}

  /// What tells it from others of a comparison: the structure's name, or that of a component without one.
  std::string_view name() const {
    return component->has_covariances() ? structure->name() : component->name();
  }
};

/// Which component a row is of: the most responsible one, or that of the nearest mean (k-means). Densities
/// are the mixture's either way.
enum class LabelRule { posterior, nearest };

/// Arrays are row-major, in the data's own units; shapes as in scikit-learn.
struct Mixture {
  const Component* component = &find_component("gaussian");
  const CovarianceStructure* structure = nullptr;  ///< "none" where components have no covariances
  int n_components = 0;                            ///< K
  int n_features = 0;                              ///< d
  std::vector<double> weights;                     ///< (K), sum 1, with noise 1 - w_0
  std::vector<double> means;                       ///< (K, d)
  std::vector<double> covariances;                 ///< (K, d, d), (d, d), (K, d), (K), or none
  std::vector<double> precisions_cholesky;  ///< as covariances; upper triangular U with precision U U^T
  std::vector<double> log_det;              ///< (K) ln det U_k
  std::vector<double> own;                  ///< (K) what Component::own_name names; empty where that is empty
  Sharing own_sharing = Sharing::each;      ///< how a fit has found them
  /// Components, ascending, whose covariance is at the variance floor of a fit. Their factor is not that of
  /// `covariances`, where its rounding shows, but belongs to the parameters (src/model/variance_floor.hpp).
  std::vector<int> floored;
  double log_volume = 0.0;  ///< added to every log density: that of the Transform that the rows went through
  std::vector<double> log_scales;  ///< (d) each column's part of it; empty where there is none by columns

  std::optional<Noise> noise;
  LabelRule label_rule = LabelRule::posterior;
  Transform label_space;  ///< nearest: what rows and means go through before distances; empty: nothing

  Kind kind() const { return {*structure, *component, {own_sharing, own.empty() ? 0.0 : own[0]}}; }
  const CovarianceLayout& layout() const { return structure->layout(); }
  int n_covariances() const { return layout().n_covariances(n_components); }  ///< K, or 1 or 0
  bool is_shared() const { return layout().is_shared(); }

  std::span<double> mean(int k) {
    return {means.data() + std::size_t(k) * n_features, std::size_t(n_features)};
  }
  std::span<const double> mean(int k) const {
    return {means.data() + std::size_t(k) * n_features, std::size_t(n_features)};
  }
  /// Component k's (or the shared) covariance and factor, in the layout.
  double* covariance(int k) { return covariances.data() + first_entry(k); }
  const double* covariance(int k) const { return covariances.data() + first_entry(k); }
  double* factor(int k) { return precisions_cholesky.data() + first_entry(k); }
  const double* factor(int k) const { return precisions_cholesky.data() + first_entry(k); }
  /// U_k^T (x - mu_k).
  std::vector<double> whitened(int k, std::span<const double> x) const;
  /// Of component k, against the variances `unit` (d).
  Narrowest narrowest(int k, std::span<const double> unit) const {
    return layout().narrowest(covariance(k), factor(k), unit);
  }
  /// Free parameters: K - 1 weights, K d means, and those of the covariances and of the noise.
  std::int64_t n_parameters() const;
  std::int64_t n_noise_parameters() const;  ///< its weight and those of the background; 0 without
  std::int64_t n_own_parameters() const;    ///< K, 1 or 0 of them
  /// Sets component and structure of a mixture of K components, and its own parameters to what `kind` gives:
  /// its value, or one for all (by weight), or those that are there, or those of a start.
  void become(const Kind& kind);

 private:
  std::size_t first_entry(int k) const { return is_shared() ? 0 : k * layout().stride(n_features); }
};

/// Fills precisions_cholesky and log_det from covariances; floored components keep their factor. Returns the
/// components whose covariance is not positive definite (all of them if it is shared); theirs are left unset.
/// A Cholesky pivot below 4 d eps of its column's variance counts as zero.
std::vector<int> factorise(Mixture& mixture, const KernelTable& kernels);

/// Collective. The same; many large covariances are shared between the threads and the ranks.
std::vector<int> factorise(Mixture& mixture, const Execution& execution);

/// Component k's mean and, unless it is shared, covariance; both mixtures are factorised and of one shape.
void copy_component(const Mixture& from, int k, Mixture& to);

/// log_det from precisions_cholesky.
void complete_factors(Mixture& mixture, const KernelTable& kernels);

/// Throws Error 65 that starts with `name` unless shapes fit, everything is finite, weights are not negative
/// and sum to 1 (with that of the noise) within 1e-6 (then they are normalised), covariances are symmetric
/// and positive definite, and the noise is one of d columns.
void validate(Mixture& mixture, const KernelTable& kernels, const std::string& name);

/// Error 65 that starts with `name` if there is noise: for what is defined for components alone.
void require_no_noise(const Mixture& mixture, const std::string& name);

/// The same components under another structure: what it makes of their covariances, taken as scatters of rows
/// in proportion to the weights. Its rows go by their responsibilities.
Mixture with_structure(const Mixture& mixture, const CovarianceStructure& structure,
                       const KernelTable& kernels);

/// Component k's covariance as a full (d, d) matrix.
std::vector<double> full_covariance(const Mixture& mixture, int k);

}  // namespace gmmpi
