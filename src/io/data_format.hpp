// Which format a data file has, by its content or (to be written) by its name.
#pragma once

#include "io/table_request.hpp"

namespace gmmpi {

enum class DataFormat { hdf5, npy, csv };

/// Local. By the content of an existing file; `subject` names it in messages (empty: its path).
/// Errors: 66, 77, 74 as InputFile; 65 a content that is no table, or not what the extension says.
DataFormat detect_format(const DataSpec& spec, const std::string& subject = "");

/// Collective. The same by what the root sees, for all ranks alike.
DataFormat detect_format(const Communicator& comm, const DataSpec& spec, const std::string& subject = "");

/// By the extension of a file to be written: h5, hdf5, npy or csv. Error 64: another extension, or a
/// dataset named in a file that has none.
DataFormat format_of_extension(const DataSpec& spec);

/// The format of a file of rows that a command writes: csv or npy by its extension, else HDF5. Error 64: the
/// extension of a format that is not written.
DataFormat output_format(const std::string& path);

}  // namespace gmmpi
