// Data files from one format to another.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// Collective. Whether `in_spec` is a file of results, such as `predict` writes, with no dataset of it named.
bool holds_results(const Communicator& comm, const std::string& in_spec);

/// Collective. Writes the array `in_spec` (as open_array) to `out_spec`, in the format that its extension
/// names: `.h5` or `.hdf5` (to /X, an array of one dimension to its own name, or the dataset named), `.npy`,
/// or `.csv`, as RowOutput does. /sample_weight and /labels of an HDF5 input's default table go along into
/// HDF5, into csv only those of rows that `sample` or `simulate` drew, with the /errors and /true of these;
/// of a file of results all arrays go everywhere. Integers and f4 stay what they are, but in csv, which is
/// read as f8. Each rank reads and writes its own rows, in bounded memory; the output appears when complete
/// and replaces a file of that name. Returns the datasets that were left out. Errors: as open_array; 64
/// unknown extension; 73, 74, 77 output.
std::vector<std::string> convert(const Communicator& comm, const std::string& in_spec,
                                 const std::string& out_spec);
/// Collective. The same with `rows`, such as some columns of `in_spec`, in the place of its table; `whole`:
/// they are all its columns in their order.
std::vector<std::string> convert(const Communicator& comm, DataReader& rows, bool whole,
                                 const std::string& in_spec, const std::string& out_spec);

}  // namespace gmmpi
