// sample: rows drawn from a mixture, each from its own counter-based random numbers.
#include "gmmpi/inference/sample.hpp"

#include "gmmpi/expect.hpp"
#include "inference/drawn_data.hpp"

namespace gmmpi {

std::vector<OutputColumn> sample_columns(int n_features, const std::vector<std::string>& feature_names) {
  OutputColumn labels{"/labels", OutputColumn::Type::i8, 0, 0, {"label"}};
  labels.is_companion = true;
  return {{"/X", OutputColumn::Type::f8, n_features, 0, feature_names}, labels};
}

void sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
            const RowSink& sink, const Transform& transform) {
  GMMPI_EXPECT(transform.empty() || transform.n_outputs() == mixture.n_features);
  draw_blocks(execution, mixture, n_rows, seed,
              [&](Index first, std::vector<double>& x, const std::vector<std::int64_t>& labels) {
                const Index n = std::ssize(labels);
                if (!transform.empty()) {
                  const std::vector<double> y = std::move(x);
                  x.resize(n * transform.n_inputs());
                  transform.invert(y, x);
                }
                sink.write(0, first, n, x.data());
                sink.write(1, first, n, labels.data());
              });
}

}  // namespace gmmpi
