// True values of rows that were measured with errors, from what a model expects of them.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// /mean (N, d) and /covariance (N, d, d), or with `deviations` /standard_deviation (N, d) in its place.
/// `names` of the columns, or none.
std::vector<OutputColumn> denoise_columns(bool deviations, int n_features,
                                          const std::vector<std::string>& names);

/// Collective. Mean and covariance of p(true row | measured row), for rows with errors (Data), read with
/// Missing::em and without sample weights: a mixture of the components' posteriors N(b_k, B_k), Bovy, Hogg &
/// Roweis (2011), eqs. 15 to 17. A row without any entry has those of the mixture. Of uniform noise the true
/// row is where it was measured, with its error, and anywhere in the box in columns that are missing. Each
/// rank writes its own rows to `sink`, block by block. Errors: 64 the model knows no errors; 65 a row out of
/// reach of every component.
void denoise(const Execution& execution, const Data& data, const Mixture& mixture, bool deviations,
             const RowSink& sink);

}  // namespace gmmpi
