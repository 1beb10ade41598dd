// Opening data files of any format: HDF5, npy or csv.
#pragma once

#include <memory>
#include <string>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// What the user wrote: `file.h5[:/dataset]`, `file.npy` or `file.csv`.
struct DataSpec {
  std::string path;
  std::string dataset;  ///< HDF5 only; empty: the default
  std::string text;     ///< as the user wrote it, for messages
};
DataSpec parse_data_spec(const std::string& text);

/// Collective. Opens a 2-D table; all ranks throw the same Error. Errors: 66 missing file; 77 no
/// permission; 65 everything else (directory, empty, not of its format, no such dataset, a group,
/// 0 rows or columns, not 2-D, strings, complex numbers).
std::unique_ptr<DataReader> open_data(const Communicator& comm, const std::string& spec,
                                      const std::string& default_dataset = "/X");

/// Collective. Opens a 1-D column of N numbers (or N x 1), such as sample weights or labels;
/// `what` names it in messages. Otherwise as open_data.
std::unique_ptr<DataReader> open_column(const Communicator& comm, const std::string& spec,
                                        const std::string& default_dataset, const std::string& what);

/// Collective. Opens an array of numbers of any number of dimensions but none, N first; all values of one
/// first index are a row. Otherwise as open_data.
std::unique_ptr<DataReader> open_array(const Communicator& comm, const std::string& spec,
                                       const std::string& default_dataset = "/X");

}  // namespace gmmpi
