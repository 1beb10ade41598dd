// The empty HDF5 file of contiguous datasets that ranks then fill by plain writes.
#include "io/row_file.hpp"

#include <algorithm>
#include <array>

#include "gmmpi/error.hpp"
#include "io/hdf5_values.hpp"
#include "io/posix_file.hpp"

namespace gmmpi {

namespace {

using h5::Handle;

constexpr std::int64_t kFormatVersion = 1;

hid_t type_of(OutputColumn::Type type) {
  switch (type) {
    case OutputColumn::Type::f4:
      return H5T_NATIVE_FLOAT;
    case OutputColumn::Type::i4:
      return H5T_NATIVE_INT32;
    case OutputColumn::Type::i8:
      return H5T_NATIVE_INT64;
    default:
      return H5T_NATIVE_DOUBLE;
  }
}

/// All space is allocated now, so that the place of every value is known.
void create_dataset(hid_t file, const OutputColumn& column, Index n_rows, const std::string& subject) {
  const std::array<hsize_t, 2> dims{static_cast<hsize_t>(n_rows), static_cast<hsize_t>(column.columns)};
  const Handle space(H5Screate_simple(column.columns == 0 ? 1 : 2, dims.data(), nullptr));
  const Handle creation = h5::dataset_creation();
  H5Pset_layout(creation, H5D_CONTIGUOUS);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  const Handle dataset(h5::check(H5Dcreate2(file, column.name.c_str(), type_of(column.type), space,
                                            h5::link_creation(), creation, H5P_DEFAULT),
                                 subject + ": dataset " + column.name + " cannot be created"));
}

}  // namespace

Index row_bytes(const OutputColumn& column) {
  const bool four = column.type == OutputColumn::Type::f4 || column.type == OutputColumn::Type::i4;
  return std::max<Index>(column.columns, 1) * (four ? 4 : 8);
}

std::vector<std::int64_t> create_row_file(const std::string& path, const RowFileLayout& layout,
                                          const std::string& subject) {
  const h5::Quiet quiet;
  Handle file = h5::create_file(path);
  for (const auto& [name, text] : layout.text_attributes) h5::write_attribute(file, name, text);
  h5::write_attribute(file, "format_version", kFormatVersion);
  h5::write_attribute(file, "gmmpi_version", GMMPI_VERSION);
  if (!layout.feature_names.empty()) h5::write_dataset(file, "/feature_names", layout.feature_names);
  for (const OutputColumn& column : layout.columns) create_dataset(file, column, layout.n_rows, subject);
  h5::check(file.close(), subject + ": cannot be written");

  // HDF5 does not report a disk that is full when it closes: look at what is there.
  file = h5::open_file(path, subject);
  const InputFile written(path, subject);
  std::vector<std::int64_t> offsets;
  for (const OutputColumn& column : layout.columns) {
    const Handle dataset(H5Dopen2(file, column.name.c_str(), H5P_DEFAULT));
    const haddr_t offset = layout.n_rows == 0 ? 0 : H5Dget_offset(dataset);
    const std::int64_t end = static_cast<std::int64_t>(offset) + layout.n_rows * row_bytes(column);
    if (offset == HADDR_UNDEF || end > written.size())
      throw Error(ExitCode::io_failed,
                  subject + ": cannot be written: free space on that disk, or write elsewhere");
    offsets.push_back(static_cast<std::int64_t>(offset));
  }
  return offsets;
}

}  // namespace gmmpi
