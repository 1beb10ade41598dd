// Engines whose parameters are centres: what they share.
#pragma once

#include <string>

#include "em/problem.hpp"
#include "gmmpi/em/engine.hpp"

namespace gmmpi {

inline constexpr std::string_view kInertia = "inertia";

/// Lowers the inertia, the weighted squared distances of the rows to the nearest centre, summed. The model of
/// the centres has them as means, exactly; weights and covariances are those of the rows nearest to each,
/// about it, and rows go by the nearest mean. Components whose rows give no proper covariance get the data's
/// column variances. The history has the log-likelihood of that model alone.
class CentersEngine : public Engine {
 public:
  Objective objective() const final { return {kInertia, true}; }
  Progress progress() const final { return {kInertia, "inertia", "relative change"}; }
  std::vector<TraceKind> traces() const final { return {{kInertia}}; }
  bool parameters_are_means() const final { return true; }
};

/// With the inertia of the present centres at the end of its trace: tells the observer; true at the end of a
/// restart: the inertia has changed by less than tol, relatively, or no centre moves (`moves`: the next
/// centres are not the present ones), or max_iter. Error 79 if it is not finite.
bool ends_with_inertia(const Problem& p, FitState& state, bool moves);

/// Collective. Gives the state the model of its centres, and its log-likelihood. Error 79 where a component
/// without a proper covariance is to fail.
void end_with_centers(const Problem& p, FitState& state);

/// Error 79.
[[noreturn]] void throw_collapsed(int k, const std::string& what, int iteration);

}  // namespace gmmpi
