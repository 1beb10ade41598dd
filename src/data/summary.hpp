// One pass over the rows for what every fit must know beforehand: ranges, total weight, fingerprint.
#pragma once

#include <string>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// Collective. Throws Error 65, on all ranks, if no row has a positive weight or a column's numbers are too
/// large to be squared; the names are those of the data and of the weights, for messages.
DataSummary summarise(const Execution& execution, const Data& data, const std::string& name,
                      const std::string& weights_name);

/// Error 65 if a column varies by so little that its squares underflow: such data have no variances.
void require_squares(const DataSummary& summary, const std::string& name);

}  // namespace gmmpi
