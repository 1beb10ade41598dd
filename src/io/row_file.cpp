// The HDF5 file of contiguous datasets that ranks then fill by plain writes.
#include "io/row_file.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "gmmpi/error.hpp"
#include "io/hdf5_values.hpp"
#include "io/posix_file.hpp"

namespace gmmpi {

namespace {

using h5::Handle;

constexpr std::int64_t kFormatVersion = 1;

hid_t type_of(OutputColumn::Type type) {
  using Type = OutputColumn::Type;
  switch (type) {
    case Type::f4:
      return H5T_NATIVE_FLOAT;
    case Type::i1:
      return H5T_NATIVE_INT8;
    case Type::i2:
      return H5T_NATIVE_INT16;
    case Type::i4:
      return H5T_NATIVE_INT32;
    case Type::i8:
      return H5T_NATIVE_INT64;
    case Type::u1:
      return H5T_NATIVE_UINT8;
    case Type::u2:
      return H5T_NATIVE_UINT16;
    case Type::u4:
      return H5T_NATIVE_UINT32;
    default:
      return H5T_NATIVE_DOUBLE;
  }
}

/// All space is allocated now, so that the place of the rows is known: it is returned.
std::int64_t create_dataset(hid_t file, const OutputColumn& column, Index n_rows,
                            const std::string& subject) {
  const std::string problem = subject + ": dataset " + column.name + " cannot be created";
  const std::array<hsize_t, 3> dims{static_cast<hsize_t>(n_rows), static_cast<hsize_t>(column.columns),
                                    static_cast<hsize_t>(column.depth)};
  const int n_dims = column.columns == 0 ? 1 : column.depth == 0 ? 2 : 3;
  const Handle space(H5Screate_simple(n_dims, dims.data(), nullptr));
  const Handle creation = h5::dataset_creation();
  H5Pset_layout(creation, H5D_CONTIGUOUS);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  const Handle dataset(h5::check(H5Dcreate2(file, column.name.c_str(), type_of(column.type), space,
                                            h5::link_creation(), creation, H5P_DEFAULT),
                                 problem));
  if (!column.names.empty()) h5::write_attribute(dataset, kColumnNames, column.names);
  const haddr_t offset = n_rows == 0 ? 0 : H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF) h5::fail(problem);
  return static_cast<std::int64_t>(offset);
}

/// A file in memory: HDF5 cannot be trusted with a disk that may be full (it crashes at exit after
/// a file that it could not close). Holes take no memory, so the rows need none.
class MemoryFile {
 public:
  explicit MemoryFile(std::string subject)
      : fd_(::memfd_create("gmmpi", MFD_CLOEXEC)), subject_(std::move(subject)) {
    if (!fd_) failed();
  }
  std::string name() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

  /// Makes sure that the file may become so long.
  void reserve(std::int64_t size) const {
    if (::ftruncate(fd_.get(), size) != 0) failed();
  }

  /// Writes what is not a hole, and the last byte.
  void copy_to(const AtomicFile& file) const {
    const std::int64_t size = ::lseek(fd_.get(), 0, SEEK_END);
    std::vector<std::byte> part;
    for (std::int64_t begin = 0, end = 0; begin < size; begin = end) {
      begin = ::lseek(fd_.get(), begin, SEEK_DATA);
      if (begin < 0) break;
      end = ::lseek(fd_.get(), begin, SEEK_HOLE);
      part.resize(static_cast<std::size_t>(end - begin));
      if (::pread(fd_.get(), part.data(), part.size(), begin) != end - begin) failed();
      file.write(begin, part);
    }
    std::byte last{};
    if (::pread(fd_.get(), &last, 1, size - 1) != 1) failed();
    file.write(size - 1, std::span(&last, 1));
  }

 private:
  [[noreturn]] void failed() const {
    throw Error(
        ExitCode::io_failed,
        fmt::format("{}: its header cannot be built in memory ({}): raise the limits on memory and file "
                    "size (ulimit -a)",
                    subject_, errno_text(errno)));
  }

  FileDescriptor fd_;
  std::string subject_;
};

std::vector<std::int64_t> write_all_but_rows(const AtomicFile& file, const RowFileLayout& layout) {
  const h5::Session session;
  constexpr std::int64_t room_for_metadata = std::int64_t{1} << 24;
  const std::string& subject = file.path();
  const std::string problem = subject + ": its header cannot be built in memory";
  const MemoryFile memory(subject);
  std::int64_t size = room_for_metadata;
  for (const OutputColumn& column : layout.columns) size += layout.n_rows * row_bytes(column);
  memory.reserve(size);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_stdio(access);  // the default driver wants a real path, which a file in memory has not
  Handle hdf5(h5::check(H5Fcreate(memory.name().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), problem));
  for (const auto& [name, value] : layout.attributes)
    std::visit([&, &name = name](const auto& content) { h5::write_attribute(hdf5, name, content); }, value);
  h5::write_attribute(hdf5, "format_version", kFormatVersion);
  h5::write_attribute(hdf5, "gmmpi_version", GMMPI_VERSION);
  if (!layout.feature_names.empty()) h5::write_dataset(hdf5, "/feature_names", layout.feature_names);
  std::vector<std::int64_t> offsets;
  for (const OutputColumn& column : layout.columns)
    offsets.push_back(create_dataset(hdf5, column, layout.n_rows, subject));
  h5::check(hdf5.close(), problem);
  memory.copy_to(file);
  return offsets;
}

}  // namespace

std::vector<std::int64_t> begin_row_file(const Communicator& comm, const AtomicFile& file,
                                         const RowFileLayout& layout) {
  std::vector<std::int64_t> offsets(layout.columns.size());
  comm.together([&] {
    if (comm.is_root()) offsets = write_all_but_rows(file, layout);
  });
  comm.broadcast(std::as_writable_bytes(std::span(offsets)));
  return offsets;
}

}  // namespace gmmpi
