// Missing entries of rows, from what a model expects of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// What `impute` writes besides the completed table.
struct ImputeOptions {
  bool standard_deviation = false;  ///< /standard_deviation (N, d): of each entry, 0 where it is observed
  int n_draws = 0;                  ///< /draw0, /draw1, ... (N, d): tables completed by drawn entries
  std::uint64_t seed = 0;           ///< of the draws
};

/// /X (N, d), and what is asked for. `type`, f4 or f8, is that of all but the standard deviations. `names` of
/// the columns, or none.
std::vector<OutputColumn> impute_columns(const ImputeOptions& options, int n_features,
                                         const std::vector<std::string>& names, OutputColumn::Type type);

struct ImputeCounts {
  Index rows = 0, entries = 0;  ///< incomplete rows, and what they lack
};

/// Collective. Of each missing entry of the data (read with Missing::em, without sample weights) /X gets
/// E[x_j | x_o], the mixture's conditional mean given the entries that the row has, /standard_deviation the
/// root of its conditional variance (infinite where Student's t has none), and each of the draws a value
/// drawn from p(x_m | x_o), all missing entries of a row together: multiple imputation, Rubin (1987). A row
/// without any entry gets mean and draws of the mixture. Observed entries stay bit for bit. Of a k-means
/// model (LabelRule) all is by the component of the nearest mean; noise is uniform in its box. Draw i of row
/// n depends on the row, the model, the seed, i, n and N only. Each rank writes its own rows to `sink`, block
/// by block. Ghahramani & Jordan, NIPS 6 (1994); Bishop (2006), eqs. 2.81 and 2.82. Errors: 65 a row out of
/// reach of every component; 64 k-means on principal components.
ImputeCounts impute(const Execution& execution, const Data& data, const Mixture& mixture,
                    const ImputeOptions& options, OutputColumn::Type type, const RowSink& sink);

}  // namespace gmmpi
