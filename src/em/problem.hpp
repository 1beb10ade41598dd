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

}  // namespace gmmpi
