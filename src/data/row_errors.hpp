// Errors of rows: how they are given, that they can be true, and whether there are any.
#pragma once

#include <string>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"

namespace gmmpi {

/// What is wrong with a number that is to be an error.
enum class ErrorFault { none, not_finite, negative, too_large, asymmetric, indefinite };

/// Of the errors of one row x (d): d standard deviations, or d * d numbers of a covariance, row-major. Those
/// of entries that are missing (NaN) may be anything. `column` is set to that of the fault. A covariance may
/// be singular, and asymmetric or indefinite by what single precision makes of it.
ErrorFault fault_of_errors(const double* x, const double* errors, int d, bool deviations, int& column);

/// Collective. Checks the errors of the rows of positive weight, and adds to the summary whether there are
/// any and, if so, their hash to the fingerprint. `errors` and `rows` are where they come from, for messages.
/// Error 65, naming the first row that has such: not finite, negative, beyond 1e140 (of squares: 1e280), or a
/// matrix that is no covariance.
void add_errors(const Execution& execution, const Data& data, DataReader& errors, DataReader& rows,
                DataSummary& summary);

}  // namespace gmmpi
