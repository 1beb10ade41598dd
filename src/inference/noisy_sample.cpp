// noisy_sample: to each entry of drawn rows an error from its own counter-based random numbers.
#include "gmmpi/inference/noisy_sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "data/random.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/sample.hpp"
#include "inference/drawn_data.hpp"
#include "model/normal_quantile.hpp"

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
  validate(errors);
  const std::size_t d = mixture.n_features;
  draw_blocks(execution, mixture, n_rows, seed,
              [&](Index first, const std::vector<double>& drawn, const std::vector<std::int64_t>& labels) {
                const Index n = std::ssize(labels);
                std::vector<double> measured(drawn.size()), deviations(drawn.size());
                for (Index r = 0; r < n; ++r)
                  measure(errors, seed, *execution.kernels, first + r, std::span(drawn).subspan(r * d, d),
                          measured.data() + r * d, deviations.data() + r * d);
                sink.write(0, first, n, measured.data());
                sink.write(1, first, n, deviations.data());
                sink.write(2, first, n, drawn.data());
                sink.write(3, first, n, labels.data());
              });
}

}  // namespace gmmpi
