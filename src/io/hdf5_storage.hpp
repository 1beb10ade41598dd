// Whether the values of an HDF5 dataset are stored anywhere: HDF5 reads those that are not as a fill value.
#pragma once

#include <string>
#include <vector>

#include "io/hdf5_handles.hpp"
#include "io/posix_file.hpp"

namespace gmmpi::h5 {

/// Throws unless every value of the dataset was written and can be found: in its own file, in external files,
/// or, for a virtual dataset, in the datasets that it is made of (which may be virtual themselves). What lies
/// in a chunk, or in space that was allocated beforehand, counts as written: HDF5 does not know more. Returns
/// the other files that values lie in. `subject` names the dataset in messages. Errors: 66 a file that is
/// missing; 65 values that were never written or that no source covers, a source that is missing, smaller
/// than what is mapped or made of itself, a raw file that is too short; 77, 74 as InputFile.
std::vector<WatchedFile> require_stored(hid_t dataset, const std::string& subject);

}  // namespace gmmpi::h5
