// degenerate_component: too few rows, or next to no variance in some direction.
#include "gmmpi/inference/degeneracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace gmmpi {

namespace {

constexpr double kMostlyAdded = 1.01;    ///< variances up to so many times what was added are no more than it
constexpr double kLeastPart = 0.1;       ///< of the largest: smaller entries of a direction are not named
constexpr std::size_t kMostColumns = 3;  ///< that are named

/// The components whose covariance minus `least`, shaped like one component's, is not positive definite.
std::vector<int> narrower_than(const Mixture& mixture, const std::vector<double>& least,
                               const KernelTable& kernels) {
  Mixture shifted = mixture;
  shifted.floored.clear();
  for (std::size_t i = 0; i < shifted.covariances.size(); ++i)
    shifted.covariances[i] -= least[i % least.size()];
  return factorise(shifted, kernels);
}

/// sum_k pi_k Sigma_k, shaped like one component's.
std::vector<double> pooled_covariance(const Mixture& mixture) {
  std::vector<double> pooled(mixture.layout().stride(mixture.n_features));
  for (int k = 0; k < mixture.n_components; ++k)
    for (std::size_t e = 0; e < pooled.size(); ++e)
      pooled[e] += mixture.weights[k] * mixture.covariance(k)[e];
  return pooled;
}

/// What was added to the variances, and a hundredth more, shaped like one component's covariance.
std::vector<double> mostly_added(const CovarianceLayout& layout, std::span<const double> added) {
  std::vector<double> diagonal(added.begin(), added.end());
  if (!layout.is_round())
    for (double& a : diagonal) a *= kMostlyAdded;
  std::vector<double> out(layout.stride(static_cast<int>(added.size())));
  layout.set_diagonal(diagonal, out.data());
  if (layout.is_round()) out[0] *= kMostlyAdded;
  return out;
}

std::string covariance_of(const Mixture& mixture, int k) {
  return mixture.is_shared() ? "the shared covariance" : fmt::format("component {}", k);
}

}  // namespace

std::string narrow_direction(const Mixture& mixture, int k, std::span<const double> variance,
                             std::span<const std::string> names) {
  const auto name = [&](std::size_t j) { return names.empty() ? fmt::format("column {}", j) : names[j]; };
  if (mixture.layout().is_round()) return "all directions";
  const std::vector<double> direction = mixture.narrowest(k, variance).direction;
  std::vector<std::size_t> order(direction.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t j) { return std::abs(direction[j]); });
  const double least = kLeastPart * std::abs(direction[order[0]]);
  std::erase_if(order, [&](std::size_t j) { return std::abs(direction[j]) < least; });
  if (order.size() == 1) return name(order[0]);
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), kMostColumns); ++i) {
    const double part = direction[order[i]];
    text += fmt::format("{}{:.2g} {}",
                        i == 0       ? ""
                        : part < 0.0 ? " - "
                                     : " + ",
                        std::abs(part), name(order[i]));
  }
  return order.size() > kMostColumns ? text + " ..." : text;
}

std::string degenerate_component(const Mixture& mixture, Index n_rows, std::span<const double> added,
                                 const KernelTable& kernels) {
  if (!mixture.component->has_covariances()) return "";
  const int needed = mixture.structure->rows_needed(mixture.n_features);
  for (int k = 0; k < mixture.n_components; ++k)
    if (const double rows = mixture.weights[k] * static_cast<double>(n_rows); rows < needed)
      return fmt::format("component {} has {:.3g} rows, fewer than {}", k, rows, needed);
  if (mixture.is_shared() && n_rows < mixture.n_components + mixture.n_features)
    return fmt::format("the shared covariance has {} rows, fewer than the {} it needs", n_rows,
                       mixture.n_components + mixture.n_features);
  if (!mixture.floored.empty())
    return covariance_of(mixture, mixture.floored.front()) + " has no variance of its own in some direction";
  if (std::ranges::any_of(added, [](double a) { return a > 0.0; }))
    if (const auto narrow = narrower_than(mixture, mostly_added(mixture.layout(), added), kernels);
        !narrow.empty())
      return covariance_of(mixture, narrow.front()) +
             " has no variance, in some direction, but what `reg_covar` added";
  if (mixture.is_shared()) return "";
  std::vector<double> least = pooled_covariance(mixture);
  for (double& e : least) e *= kLeastVarianceShare;
  if (const auto narrow = narrower_than(mixture, least, kernels); !narrow.empty())
    return fmt::format("component {} has a variance below {:g} of the pooled one", narrow.front(),
                       kLeastVarianceShare);
  return "";
}

}  // namespace gmmpi
