// sample: rows drawn from a mixture, each from its own counter-based random numbers.
#include "gmmpi/inference/sample.hpp"

#include "gmmpi/expect.hpp"
#include "inference/drawn_data.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

std::vector<OutputColumn> sample_columns(int n_features, const std::vector<std::string>& feature_names) {
  OutputColumn labels{"/labels", OutputColumn::Type::i8, 0, 0, {"label"}};
  labels.is_companion = true;
  return {{"/X", OutputColumn::Type::f8, n_features, 0, feature_names}, labels};
}

void sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
            const RowSink& sink, const Transform& transform) {
  GMMPI_EXPECT(n_rows >= 1 && (transform.empty() || transform.n_outputs() == mixture.n_features));
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
                     if (!transform.empty()) {
                       const std::vector<double> y = std::move(x);
                       x.resize(n * transform.n_inputs());
                       transform.invert(y, x);
                     }
                     sink.write(0, first, n, x.data());
                     sink.write(1, first, n, labels.data());
                   });
  });
}

}  // namespace gmmpi
