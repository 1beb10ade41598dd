// Warnings about columns that are probably not what the user means to fit.
#pragma once

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// Of a table with more columns than rows, which may be transposed; "" without such a doubt.
std::string shape_doubt(const DataReader& rows);

/// Of columns that hold the same value in every row (of positive weight); "" if there are none.
std::string constant_doubt(const DataSummary& summary, const DataReader& rows);

/// Collective: a pass over the rows for engines of means, in which distances count. Of columns
/// whose standard deviations differ more than a hundredfold; "" if none do, or the rows are transformed.
std::string scale_doubt(const Execution& execution, const Data& data, const DataReader& rows,
                        const FitOptions& f);

}  // namespace gmmpi::app
