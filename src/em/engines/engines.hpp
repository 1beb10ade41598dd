// The engines that registry.cpp lists, and what each needs to read its own options.
#pragma once

#include "gmmpi/em/engine.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

const Engine& em_engine();
const Engine& hard_engine();
const Engine& kmeans_engine();
const Engine& stepwise_engine();
const Engine& sequential_engine();

/// The options of an engine whose own are of type T.
template <class T>
T own_options(const FitOptions& options) {
  const T* own = options.engine_options.find<T>();
  return own ? *own : T();
}

}  // namespace gmmpi
