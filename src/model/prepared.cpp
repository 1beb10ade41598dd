// Prepared: logarithms of weights, and the density of distances.
#include "gmmpi/model/prepared.hpp"

#include <limits>
#include <vector>

#include "kernels/table.hpp"

namespace gmmpi {

Prepared::Prepared(const Mixture& m, std::unique_ptr<Distances> distances, AlignedDoubles constants,
                   const KernelTable& kernels)
    : distances_(std::move(distances)), constants_(m.n_components) {
  log_weights(kernels, m.weights, constants_.data());
  for (std::size_t k = 0; k < constants.size(); ++k) constants_[k] += constants[k];
}

void Prepared::log_joint(const KernelTable& kernels, double* values) const {
  kernels.log_joint(static_cast<int>(constants_.size()), constants_.data(), values);
}

void log_weights(const KernelTable& kernels, std::span<const double> weights, double* out) {
  constexpr double least = std::numeric_limits<double>::min(), log_scale = 44.3614195558364998;  // ln 2^64
  std::vector<double> normal(weights.begin(), weights.end());
  for (double& w : normal) w = w >= least ? w : w > 0.0 ? w * 0x1p64 : 1.0;
  kernels.log(std::ssize(normal), normal.data(), out);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] == 0.0) out[k] = -std::numeric_limits<double>::infinity();
    if (weights[k] > 0.0 && weights[k] < least) out[k] -= log_scale;
  }
}

}  // namespace gmmpi
