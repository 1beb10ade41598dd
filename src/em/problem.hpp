// What all restarts and engines of a fit share.
#pragma once

#include <optional>

#include "em/m_step.hpp"
#include "em/start.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi {

struct Problem {
  const Execution& execution;
  const Data& data;
  const FitOptions& options;
  FitObserver& observer;
  DataMoments moments;
  Regularisation regularisation;
  std::optional<Prior> prior;
};

/// Reseeds per component, after which a restart ends unconverged when a component collapses once more.
inline constexpr int kMostReseeds = 10;

}  // namespace gmmpi
