// Warnings of degenerate components and of regularisation that shows.
#include "app/fit_warnings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gmmpi/inference/degeneracy.hpp"

namespace gmmpi::app {

namespace {

constexpr std::size_t kMostNamed = 3;     ///< components of one warning
constexpr double kShowing = 0.01;         ///< share of a variance that may be what was added
constexpr double kRounding = 1e-9;        ///< per unit of weight

/// Of the coordinates in which the components are.
std::vector<std::string> coordinate_names(const Transform& transform, const std::vector<std::string>& names) {
  if (transform.empty() || transform.components.empty()) return names;
  std::vector<std::string> out;
  for (int j = 0; j < transform.n_outputs(); ++j) out.push_back(fmt::format("principal component {}", j));
  return out;
}

void warn_of_floor(const FitResult& r, const std::vector<std::string>& names, RunLog& log) {
  const std::vector<int>& floored = r.model.floored;
  if (floored.empty()) return;
  std::string which;
  if (r.model.is_shared())
    which = "the shared covariance (" + narrow_direction(r.model, 0, r.variance_floor, names) + ")";
  else
    for (std::size_t i = 0; i < std::min(floored.size(), kMostNamed); ++i)
      which += fmt::format("{}{} ({})", i == 0 ? "component " : ", ", floored[i],
                           narrow_direction(r.model, floored[i], r.variance_floor, names));
  const bool more = !r.model.is_shared() && floored.size() > kMostNamed;
  log.warning(fmt::format(
      "degenerate: {}{}: the rows vary there by less than 1e-6 of the columns' standard deviations, so the "
      "likelihood is as high as this floor lets it be and says nothing: use fewer components, leave columns "
      "out, or give --prior auto",
      which, more ? fmt::format(" and {} more", floored.size() - kMostNamed) : ""));
}

void warn_of_added(const FitResult& r, const std::vector<std::string>& names, RunLog& log) {
  int narrowest = -1;
  double least = 1.0 / kShowing;  // variances as multiples of what was added
  const int n = r.model.n_covariances();
  for (int k = 0; k < n; ++k)
    if (const double times = r.model.narrowest(k, r.reg_covar).variance; times < least) {
      least = times;
      narrowest = k;
    }
  if (narrowest < 0) return;
  log.warning(fmt::format(
      "--reg-covar adds {:g} to every variance, which is {:.2g} % of the least one of {} ({}): give a smaller "
      "one, or auto, which adds nothing",
      r.reg_covar[0], 100.0 / least,
      r.model.is_shared() ? "the shared covariance" : fmt::format("component {}", narrowest),
      narrow_direction(r.model, narrowest, r.reg_covar, names)));
}

void warn_of_falls(const FitResult& r, const FitOptions& options, double total_weight, RunLog& log) {
  int falls = 0;
  for (std::size_t i = 1; i < r.history.size(); ++i) falls += r.history[i] < r.history[i - 1];
  const double fall = std::ranges::max(r.history) - r.history.back();
  if (!(fall > std::max(options.tol, kRounding) * total_weight)) return;
  log.warning(fmt::format(
      "the log-likelihood fell in {} of {} iterations, to {:.6g} below its highest: --reg-covar widens the "
      "covariances after each M-step, so the fit maximises something else; auto adds nothing",
      falls, r.history.size() - 1, fall));
}

}  // namespace

void warn_of_covariances(const FitResult& r, const FitOptions& options, double total_weight,
                         const std::vector<std::string>& feature_names, RunLog& log) {
  if (!r.model.component->has_covariances()) return;
  const std::vector<std::string> names = coordinate_names(options.transform, feature_names);
  warn_of_floor(r, names, log);
  if (!options.reg_covar || *options.reg_covar == 0.0 || r.reg_covar[0] == 0.0) return;
  warn_of_added(r, names, log);
  if (options.engine->objective().trace == kLogLikelihood && !options.prior)
    warn_of_falls(r, options, total_weight, log);
}

}  // namespace gmmpi::app
