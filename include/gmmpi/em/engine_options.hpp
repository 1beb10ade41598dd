// The options of engines that have any, for FitOptions::engine_options.
#pragma once

#include <optional>
#include <vector>

#include "gmmpi/em/listed.hpp"

namespace gmmpi {

/// Of the engine `stepwise`.
struct StepwiseOptions {
  int n_batches = 64;  ///< mini-batches of a pass, at most one per block
  /// a of the steps (t + 2)^-a, in (0.5, 1]; none: long ones, and a last pass that averages
  std::optional<double> step_exponent{};

  std::vector<OptionField> fields();
};

/// Of the engine `sequential`.
struct SequentialOptions {
  int n_batches = 0;  ///< mini-batches of a pass, at most one per block; 0: rows move the means one by one

  std::vector<OptionField> fields();
};

}  // namespace gmmpi
