// Tables in csv files, cut into slices of bytes so that any rank can find any row.
#pragma once

#include <memory>

#include "io/table_request.hpp"

namespace gmmpi {

/// Collective: the ranks share the counting of rows. Commas, semicolons, tabs or blanks separate;
/// lines that are blank or start with '#' are skipped; a first line with a field that is not a
/// number is a header. Errors as open_data; fields are checked when they are read.
std::unique_ptr<DataReader> open_csv(const Communicator& comm, const TableRequest& request);

}  // namespace gmmpi
