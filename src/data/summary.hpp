// One pass over the rows for what every fit must know beforehand: ranges, total weight, fingerprint.
#pragma once

#include <string>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"

namespace gmmpi {

/// Collective. Throws Error 65, on all ranks, if numbers of rows of positive weight are missing (unless it is
/// Missing::em) or infinite (naming the first and how many rows have such), no row has a positive weight, or
/// numbers of a column are too large to be squared. `name` and `weights_name` are for
/// messages, and so is `rows`, where the data come from; it may be null. `n_left_out`: of this rank, from
/// leave_out_incomplete.
DataSummary summarise(const Execution& execution, const Data& data, const std::string& name,
                      const std::string& weights_name, DataReader* rows = nullptr,
                      Missing missing = Missing::error, Index n_left_out = 0);

/// Local. Gives rows of this rank weight 0 in `weights`, which the data's blocks have (empty: none yet, all
/// are 1): those that lack values, or with Missing::em those that lack all. Returns how many.
Index leave_out_incomplete(const Execution& execution, const Data& data, Missing missing,
                           std::vector<double>& weights);

/// Error 65 if a column has no value in any row: such data cannot be fitted.
void require_values(const DataSummary& summary, const std::string& name);

/// Error 65 if a column varies by so little that its squares underflow: such data have no variances.
void require_squares(const DataSummary& summary, const std::string& name);

}  // namespace gmmpi
