// The loop of EM, and of what differs from it only in how the E-step assigns rows.
#pragma once

#include <memory>
#include <vector>

#include "em/accelerate.hpp"
#include "em/sweep.hpp"
#include "gmmpi/em/engine.hpp"

namespace gmmpi {

/// What the loop knows besides the path.
struct EmState {
  Mixture previous;  ///< trace_bound, and n_iter > 0: the parameters before the last
  bool accelerated = false;
  AccelerationState acceleration;  ///< if so

  std::vector<StateField> fields();
};

/// E-step and M-step in turn, until the objective changes by less than tol per unit of weight, or max_iter
/// M-steps. The model that is left is the one whose log-likelihood was computed last. Error 79: a collapse
/// that is to fail, a log-likelihood that is not finite.
class EmLoop : public Engine {
 public:
  EngineState state(const FitOptions& options) const final;
  void run(const Problem& problem, FitState& state) const final;

  /// The E-step's: its first value is the term of the objective, its last ln p(x), but for the
  /// entropy, which it may have without being asked.
  virtual std::unique_ptr<Assignment> assignment(const Mixture& model, const KernelTable& kernels,
                                                 double least_log_share, bool with_entropy) const = 0;
};

}  // namespace gmmpi
