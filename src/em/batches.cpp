// Shuffled mini-batches.
#include "em/batches.hpp"

#include <numeric>
#include <utility>

#include "data/random.hpp"

namespace gmmpi {

std::vector<int> batch_order(std::uint64_t seed, int pass, int n) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i)  // Fisher & Yates
    std::swap(order[i], order[static_cast<int>(uniform(seed, Purpose::batches, pass, i) * (i + 1))]);
  return order;
}

}  // namespace gmmpi
