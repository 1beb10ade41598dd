// sample: rows drawn from a mixture, each from its own counter-based random numbers.
#include <algorithm>

#include "data/random.hpp"
#include "gmmpi/inference/sample.hpp"
#include "inference/normal_quantile.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

/// Draws row `row`: its component, then x = mu + U^-T z, which has covariance (U U^T)^-1. Bishop (2006),
/// section 11.1.4.
class Sampler {
 public:
  Sampler(const Mixture& mixture, std::uint64_t seed, const KernelTable& kernels)
      : m_(mixture), seed_(seed), kernels_(kernels) {
    double sum = 0.0;
    for (const double w : m_.weights) cumulative_.push_back(sum += w);
  }

  std::int64_t draw(Index row, double* x) const {
    const double u = uniform(seed_, Purpose::sample_component, row, 0) * cumulative_.back();
    const auto k = std::min<std::ptrdiff_t>(
        std::upper_bound(cumulative_.begin(), cumulative_.end(), u) - cumulative_.begin(),
        m_.n_components - 1);
    const std::size_t d = m_.n_features, stride = covariance_stride(m_.shape(), m_.n_features);
    const double* factor =
        m_.precisions_cholesky.data() + (m_.shape() == PrecisionShape::shared_dense ? 0 : k * stride);
    if (m_.shape() == PrecisionShape::none) {
      for (std::size_t j = 0; j < d; ++j)
        x[j] =
            uniform(seed_, Purpose::sample_normal, row, static_cast<std::int64_t>(j)) < m_.means[k * d + j];
      return k;
    }
    for (std::size_t j = 0; j < d; ++j) {
      x[j] = normal_quantile(uniform(seed_, Purpose::sample_normal, row, static_cast<std::int64_t>(j)),
                             kernels_);
      if (m_.shape() == PrecisionShape::spherical) {
        x[j] /= factor[0];
      } else if (m_.shape() == PrecisionShape::diagonal) {
        x[j] /= factor[j];
      } else {
        for (std::size_t i = 0; i < j; ++i) x[j] -= factor[i * d + j] * x[i];
        x[j] /= factor[j * d + j];
      }
    }
    for (std::size_t j = 0; j < d; ++j) x[j] += m_.means[k * d + j];
    return k;
  }

 private:
  const Mixture& m_;
  std::uint64_t seed_;
  const KernelTable& kernels_;
  std::vector<double> cumulative_;
};

}  // namespace

std::vector<OutputColumn> sample_columns(int n_features) {
  return {{"/X", OutputColumn::Type::f8, n_features}, {"/labels", OutputColumn::Type::i8, 0}};
}

void sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
            const RowSink& sink) {
  const BlockGrid grid(n_rows);
  const int d = mixture.n_features;
  const Sampler sampler(mixture, seed, *execution.kernels);
  const int rank = execution.comm.rank(), size = execution.comm.size();
  execution.comm.together([&] {
    for_each_index(grid.first_block(rank, size), grid.first_block(rank + 1, size), execution.n_threads,
                   [&](Index block, int) {
                     const Index first = grid.first_row(block), n = grid.rows_in(block);
                     std::vector<double> x(n * d);
                     std::vector<std::int64_t> labels(n);
                     for (Index r = 0; r < n; ++r) labels[r] = sampler.draw(first + r, x.data() + r * d);
                     sink.write(0, first, n, x.data());
                     sink.write(1, first, n, labels.data());
                   });
  });
}

}  // namespace gmmpi
