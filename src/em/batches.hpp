// The order in which a pass takes its mini-batches.
#pragma once

#include <cstdint>
#include <vector>

namespace gmmpi {

/// A permutation of 0, ..., n - 1, drawn by the seed for each pass.
std::vector<int> batch_order(std::uint64_t seed, int pass, int n);

}  // namespace gmmpi
