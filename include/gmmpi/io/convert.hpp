// Data files from one format to another.
#pragma once

#include <string>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// Collective. Writes the table `in_spec` (as open_data) to `out_spec`, in the format that its
/// extension names: `.h5` or `.hdf5` (to /X, or the dataset named; with /feature_names where they are
/// known, and with /sample_weight and /labels of an HDF5 input's default table), `.npy`, or `.csv`
/// (shortest digits that give the same double back; a header where names are known). f4 stays f4,
/// but in csv, which is read as f8. Each rank reads and writes its own rows, in bounded memory; the
/// output appears when complete and replaces a file of that name.
/// Errors: as open_data; 64 unknown extension; 73, 74, 77 output.
void convert(const Communicator& comm, const std::string& in_spec, const std::string& out_spec);
/// Collective. The same with `rows`, such as some columns of `in_spec`, in the place of its table.
void convert(const Communicator& comm, DataReader& rows, const std::string& in_spec,
             const std::string& out_spec);

}  // namespace gmmpi
