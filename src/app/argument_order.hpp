// DATA and MODEL in the wrong order.
#pragma once

#include "app/options.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi::app {

/// Collective. Error 64 if what stands for DATA is a model (or transform) and what stands for MODEL (or
/// TRANSFORM) is none.
void check_order(const Communicator& comm, const Options& options);

}  // namespace gmmpi::app
