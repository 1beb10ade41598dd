// Rows drawn from a mixture, and measured with errors of known standard deviations.
#pragma once

#include <cstdint>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// Standard deviations of errors are uniform in [least, largest], in units of the data.
struct ErrorRange {
  double least = 0.0, largest = 0.0;
};

/// The arrays that `noisy_sample` fills: /X (N, d), the measured rows, /errors (N, d), the standard
/// deviations of their errors, /true (N, d), and /labels (N) as sample_columns has them. All but /X are
/// companions.
std::vector<OutputColumn> noisy_sample_columns(int n_features);

/// Collective. Draws `n_rows` rows; each rank writes its share to `sink`. The true rows and the labels are
/// those of `sample` for this seed. To each entry a normal error is added, independent of all others, whose
/// standard deviation is drawn for that entry. Row i depends on the seed, the range and i only. Errors: 64
/// unless 0 <= least <= largest <= 1e140.
void noisy_sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
                  const ErrorRange& errors, const RowSink& sink);

}  // namespace gmmpi
