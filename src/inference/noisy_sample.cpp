// noisy_sample: to each entry of drawn rows an error from its own counter-based random numbers.
#include "gmmpi/inference/noisy_sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "data/random.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "gmmpi/inference/sample.hpp"
#include "inference/drawn_data.hpp"
#include "model/normal_quantile.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

constexpr double kLargestError = 1e140;  ///< as of errors that are read: it may be squared

void validate(const ErrorRange& errors) {
  const auto is_one = [](double error) { return error >= 0.0 && error <= kLargestError; };
  const std::string range = fmt::format("`errors` {}:{}", errors.least, errors.largest);
  if (!is_one(errors.least) || !is_one(errors.largest))
    throw Error(ExitCode::usage, fmt::format("{}: is out of range; give standard deviations from 0 to {}",
                                             range, kLargestError));
  if (errors.least > errors.largest) throw Error(ExitCode::usage, range + ": give the smaller one first");
}

/// One block of rows, as it is written.
struct NoisyRows {
  std::vector<double> measured, errors, drawn;
  std::vector<std::int64_t> labels;

  NoisyRows(std::size_t n, std::size_t d) : measured(n * d), errors(n * d), drawn(n * d), labels(n) {}
};

/// Measures row `row`, the d numbers `drawn`.
void measure(const ErrorRange& range, std::uint64_t seed, const KernelTable& kernels, Index row,
             std::span<const double> drawn, double* measured, double* errors) {
  for (std::size_t j = 0; j < drawn.size(); ++j) {
    const auto item = 2 * static_cast<std::int64_t>(j);
    const double share = uniform(seed, Purpose::measurement_errors, row, item);
    const double deviate =
        normal_quantile(uniform(seed, Purpose::measurement_errors, row, item + 1), kernels);
    errors[j] = std::min(range.least + (range.largest - range.least) * share, range.largest);
    measured[j] = drawn[j] + errors[j] * deviate;
  }
}

}  // namespace

std::vector<OutputColumn> noisy_sample_columns(int n_features) {
  std::vector<std::string> errors, drawn;
  for (int j = 0; j < n_features; ++j) {
    errors.push_back(fmt::format("x{}_error", j));
    drawn.push_back(fmt::format("x{}_true", j));
  }
  using Type = OutputColumn::Type;
  std::vector<OutputColumn> columns = sample_columns(n_features);
  columns.insert(columns.begin() + 1, {{"/errors", Type::f8, n_features, 0, errors, true},
                                       {"/true", Type::f8, n_features, 0, drawn, true}});
  return columns;
}

void noisy_sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
                  const ErrorRange& errors, const RowSink& sink) {
  GMMPI_EXPECT(n_rows >= 1);
  validate(errors);
  const BlockGrid grid(n_rows);
  const std::size_t d = mixture.n_features;
  const Sampler sampler(mixture, seed, *execution.kernels);
  const int rank = execution.comm.rank(), size = execution.comm.size();
  execution.comm.together([&] {
    for_each_index(grid.first_block(rank, size), grid.first_block(rank + 1, size), execution.n_threads,
                   [&](Index block, int) {
                     const Index first = grid.first_row(block), n = grid.rows_in(block);
                     NoisyRows rows(n, d);
                     for (Index r = 0; r < n; ++r) {
                       double* drawn = rows.drawn.data() + r * d;
                       rows.labels[r] = sampler.draw(first + r, drawn);
                       measure(errors, seed, *execution.kernels, first + r, {drawn, d},
                               rows.measured.data() + r * d, rows.errors.data() + r * d);
                     }
                     sink.write(0, first, n, rows.measured.data());
                     sink.write(1, first, n, rows.errors.data());
                     sink.write(2, first, n, rows.drawn.data());
                     sink.write(3, first, n, rows.labels.data());
                   });
  });
}

}  // namespace gmmpi
