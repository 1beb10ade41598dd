// Logarithm and exponential of one number, by the kernels: the same bits everywhere.
#pragma once

#include "kernels/table.hpp"

namespace gmmpi {

/// Of a positive normal number.
inline double log_of(double x, const KernelTable& kernels) {
  kernels.log(1, &x, &x);
  return x;
}

inline double exp_of(double x, const KernelTable& kernels) {
  kernels.exp(1, &x, &x);
  return x;
}

}  // namespace gmmpi
