// What the layouts of variances share: a factor is an inverse standard deviation, and rows go by the diagonal
// kernels.
#pragma once

#include <vector>

#include "gmmpi/kernels/aligned.hpp"
#include "gmmpi/model/distances.hpp"
#include "gmmpi/model/mixture.hpp"
#include "kernels/scalar_math.hpp"

namespace gmmpi {

/// Variances (n) to inverse standard deviations; false if one is not positive.
bool invert_scales(const double* variance, std::size_t n, double* scale);

double mean_of(std::span<const double> values);

/// Squared distances in columns of inverse standard deviations `scales` (K, d).
class DiagonalDistances final : public Distances {
 public:
  DiagonalDistances(const Mixture& mixture, AlignedDoubles scales, const KernelTable& kernels)
      : kernels_(kernels),
        K_(mixture.n_components),
        d_(mixture.n_features),
        means_(mixture.means.begin(), mixture.means.end()),
        scales_(std::move(scales)) {}

  void first(int columns, const double* xt, double*, double* out) const override {
    kernels_.mahalanobis_diagonal(columns, d_, K_, xt, means_.data(), scales_.data(), out);
  }
  void rest(int columns, int k, int n_rows, const double* xt, double*, double* distances) const override {
    const std::int64_t begin = std::int64_t{k} * d_;
    kernels_.mahalanobis_diagonal_rest(columns, d_, n_rows, xt, means_.data() + begin, scales_.data() + begin,
                                       distances);
  }
  double cost(double columns) const override { return columns / 8.0; }

 private:
  const KernelTable& kernels_;
  int K_, d_;
  AlignedDoubles means_, scales_;
};

}  // namespace gmmpi
