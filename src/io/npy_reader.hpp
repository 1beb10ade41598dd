// Tables in numpy's .npy files.
#pragma once

#include <memory>

#include "io/table_request.hpp"

namespace gmmpi {

/// Local. The reader of a .npy file: C or Fortran order, floats, integers or bool of either byte
/// order. Errors as open_data.
std::unique_ptr<DataReader> open_npy(const TableRequest& request);

}  // namespace gmmpi
