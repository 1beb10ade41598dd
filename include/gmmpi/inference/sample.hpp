// Rows drawn from a mixture.
#pragma once

#include <cstdint>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/data/transform.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

/// The arrays that `sample` fills: /X (N, d) and /labels (N), the component each row was drawn from, -1
/// for noise. `feature_names`: d, or none.
std::vector<OutputColumn> sample_columns(int n_features, const std::vector<std::string>& feature_names = {});

/// Collective. Draws `n_rows` rows; each rank writes its share to `sink`. Row i depends on the seed and i
/// only. Normal deviates by the inverse distribution function (Wichura 1988, AS 241). Rows go back through
/// the transform that leads to the mixture's coordinates, unless that is empty.
void sample(const Execution& execution, const Mixture& mixture, Index n_rows, std::uint64_t seed,
            const RowSink& sink, const Transform& transform = {});

}  // namespace gmmpi
