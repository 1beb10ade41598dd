// Making HDF5 files in the tests of io/.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "io/hdf5_handles.hpp"

namespace io_test {

/// Local. A new, empty HDF5 file.
inline gmmpi::h5::Handle create_hdf5(const std::string& path) {
  gmmpi::h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  REQUIRE(file);
  return file;
}

}  // namespace io_test
