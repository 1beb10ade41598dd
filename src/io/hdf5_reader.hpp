// Tables in HDF5 files: any dataset of numbers, contiguous, chunked or compressed.
#pragma once

#include <memory>
#include <string>

#include "io/table_request.hpp"

namespace gmmpi {

/// Local. The reader of a dataset of an HDF5 file. Errors as open_data.
std::unique_ptr<DataReader> open_hdf5(const TableRequest& request);

/// Local. Whether the HDF5 file holds such an object.
bool hdf5_has(const std::string& path, const std::string& object);

/// Local. A text attribute of the root of an HDF5 file; empty: none.
std::string hdf5_attribute(const std::string& path, const std::string& name);

}  // namespace gmmpi
