// The quantile of numbers that are spread over the ranks.
#pragma once

#include <span>

#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// Collective. The q-quantile, 0 <= q <= 1, of the values of all ranks together (at least one, none NaN):
/// with h = (n - 1) q, linear interpolation between the order statistics floor(h) and floor(h) + 1, counted
/// from 0, as in numpy (Hyndman & Fan 1996, type 7). Counting is exact, so that the number does not depend on
/// how the values are divided. Local memory: 512 KiB.
double quantile(const Communicator& comm, std::span<const double> values, double q);

}  // namespace gmmpi
