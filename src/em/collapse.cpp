// Collapse: reseeding at the worst explained rows.
#include "em/collapse.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "em/assignments.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

[[noreturn]] void throw_singular(const std::string& what, int iteration) {
  throw Error(ExitCode::numerical,
              what + " at iteration " + std::to_string(iteration) +
                  " (columns that depend on each other, or too few distinct rows): drop columns "
                  "or give `reg_covar` a positive value");
}

/// What the noise leaves.
double share_of_components(const Mixture& model) {
  return model.noise ? 1.0 - model.noise->weight : 1.0;
}

/// Until it is replaced, a collapsed component stays as it was, without weight.
void set_aside(const Mixture& before, const std::vector<int>& collapsed, Mixture& model) {
  for (const int k : collapsed) {
    model.weights[k] = 0.0;
    copy_component(before, k, model);
  }
  const double sum = std::accumulate(model.weights.begin(), model.weights.end(), 0.0);
  for (double& w : model.weights) w /= sum / share_of_components(model);
}

}  // namespace

std::vector<Reseed> treat_collapse(const Execution& execution, const Data& data, const DataMoments& moments,
                                   const Regularisation& regularisation, const Mixture& before, int restart,
                                   int iteration, std::int64_t most, MStep& step) {
  std::vector<Reseed> reseeds;
  if (step.collapsed.empty()) return reseeds;
  Mixture& model = step.model;
  const int K = model.n_components;
  GMMPI_EXPECT(before.n_components == K && std::ranges::is_sorted(step.collapsed));
  GMMPI_EXPECT(step.collapsed.front() >= 0 && step.collapsed.back() < K);
  if (std::ssize(step.collapsed) == K) throw_singular("no covariance is positive definite", iteration);
  const std::vector<double> variance = regularisation.applied_to(moments.variance);
  set_aside(before, step.collapsed, model);
  if (!factorise(model, *execution.kernels).empty())
    throw_singular("the shared covariance is singular", iteration);
  for (const int k : step.collapsed) {
    if (std::ssize(reseeds) >= most) break;
    const FoundRow worst = find_extreme_row(execution, data, Posterior(model, *execution.kernels), false);
    for (double& w : model.weights) w *= 1.0 - 1.0 / K;
    model.weights[k] = share_of_components(model) / K;
    set_component(model, k, worst.x, variance);
    if (!factorise(model, *execution.kernels).empty())
      throw_singular("the covariance of a reseeded component is singular", iteration);
    reseeds.push_back({restart, iteration, k, worst.row});
  }
  return reseeds;
}

}  // namespace gmmpi
