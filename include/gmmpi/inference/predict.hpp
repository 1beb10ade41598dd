// What a model says of each row: component, responsibilities, log density, distances, outliers.
#pragma once

#include <optional>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/inference/outliers.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// The datasets that `predict` writes, in this order.
struct PredictOptions {
  /// /labels (N): the most responsible component, the lowest on a tie; noise -1. Of a k-means model
  /// (LabelRule) the nearest mean.
  bool labels = true;
  /// /responsibilities (N, K): p(k | x), Bishop (2006), eq. 9.23; with noise (N, K + 1). Of a k-means model 1
  /// for the nearest mean, else 0.
  bool responsibilities = false;
  bool log_density = false;  ///< /log_density (N): ln p(x)
  bool mahalanobis = false;  ///< /mahalanobis (N, K): distances to the components (not squared)
  std::optional<OutlierTest> outliers = std::nullopt;  ///< /outliers (N): 1 or 0
};

/// The arrays that `predict` fills.
std::vector<OutputColumn> predict_columns(const PredictOptions& options, const Mixture& mixture);

struct PredictCounts {
  std::vector<Index> labels;  ///< (K) rows of each label
  Index noise = 0;            ///< rows of label -1
  Index outliers = 0;
};

/// Collective. Each rank writes its own rows to `sink`, block by block, in the order of predict_columns.
/// Sample weights play no part, but for rows of weight zero, which count as absent: label -1, no outlier, and
/// NaN everywhere else.
PredictCounts predict(const Execution& execution, const Data& data, const Mixture& mixture,
                      const PredictOptions& options, const RowSink& sink);

}  // namespace gmmpi
