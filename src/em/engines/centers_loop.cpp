// Engines whose parameters are centres: their stop rule, and the mixture that they leave.
#include "em/engines/centers_loop.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "em/assignments.hpp"
#include "em/progress.hpp"
#include "em/start.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

void throw_collapsed(int k, const std::string& what, int iteration) {
  throw Error(ExitCode::numerical,
              "component " + std::to_string(k) + " " + what + " at iteration " + std::to_string(iteration) +
                  ": use fewer components, a larger `reg_covar`, or `on_collapse` reseed");
}

namespace {

/// The most likely mixture that has these means and assigns each row to the nearest.
Mixture model_of(const Problem& p, const std::vector<double>& centers, int iteration) {
  const int d = p.data.n_columns();
  const CovarianceStructure& structure = *p.options.structure;
  Moments moments = sweep(p.execution, p.data, NearestCenter(centers, d, *p.execution.kernels), centers,
                          structure.scatter_shape(), MomentNeeds::of(structure, p.regularisation.hides()));
  const auto first = moments.sums.begin() + moments.layout.first();
  std::fill(first, moments.sums.begin() + moments.layout.second(), 0.0);  // the centres are the means
  MStep step = m_step(p.execution, moments, p.options.kind(), p.regularisation);
  if (step.collapsed.empty()) return std::move(step.model);
  if (p.options.fail_on_collapse)
    throw_collapsed(step.collapsed.front(), "has no rows, or a singular covariance,", iteration);
  const std::vector<double> variance = p.regularisation.applied_to(p.moments.variance);
  for (const int k : step.collapsed) {
    const auto center = centers.begin() + std::ptrdiff_t{k} * d;
    set_component(step.model, k, {center, center + d}, variance);
  }
  if (!factorise(step.model, *p.execution.kernels).empty())
    throw Error(
        ExitCode::numerical,
        "the covariance of the clusters is singular (a column is constant or depends on others): drop "
        "that column, or give `reg_covar` a positive value");
  return std::move(step.model);
}

}  // namespace

bool ends_with_inertia(const Problem& p, FitState& state, bool moves) {
  const std::vector<double>& inertia = state.traces[kInertia];
  if (!std::isfinite(inertia.back()))
    throw Error(ExitCode::numerical, "the inertia is not finite at iteration " +
                                         std::to_string(state.n_iter) + ": rescale the data");
  double change = std::numeric_limits<double>::quiet_NaN();
  if (inertia.size() > 1) {
    const double before = inertia[inertia.size() - 2];
    change = before > 0.0 ? (inertia.back() - before) / before : 0.0;
  }
  tell_iteration(p, state, std::numeric_limits<double>::quiet_NaN(), change);
  state.converged = !moves || (!state.just_reseeded && std::abs(change) < p.options.tol);
  return state.converged || state.n_iter >= p.options.max_iter || n_reseeds_left(p, state) <= 0;
}

void end_with_centers(const Problem& p, FitState& state) {
  state.model = model_of(p, state.centers, state.n_iter);
  state.model.label_rule = LabelRule::nearest;
  const Posterior posterior(state.model, *p.execution.kernels);
  state.history = {sweep(p.execution, p.data, posterior, state.model.means).objective};
}

}  // namespace gmmpi
