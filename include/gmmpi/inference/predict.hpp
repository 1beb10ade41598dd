// What a model says of each row: component, responsibilities, log density, Mahalanobis distances.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

struct PredictOptions {
  bool responsibilities = false;  ///< dataset /responsibilities (N, K)
  bool log_density = false;       ///< dataset /log_density (N): ln p(x)
  bool mahalanobis = false;       ///< dataset /mahalanobis (N, K): distances (not squared)
};

/// The arrays that `predict` fills: /labels (N), then those asked for.
std::vector<OutputColumn> predict_columns(const PredictOptions& options, int n_components);

/// Collective. The most responsible component of each row (the lowest on a tie), and what the options ask
/// for. Each rank writes its own rows to `sink`, in the order of predict_columns. Returns rows per component.
std::vector<Index> predict(const Execution& execution, const Data& data, const Mixture& mixture,
                           const PredictOptions& options, const RowSink& sink);

}  // namespace gmmpi
