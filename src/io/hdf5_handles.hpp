// HDF5 handles that close themselves, and HDF5's errors as gmmpi::Error.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/error.hpp"

/// HDF5 is used by one thread of a process at a time, and never through MPI.
namespace gmmpi::h5 {

/// Keeps HDF5 from printing its error stack to standard error while it lives.
class Quiet {
 public:
  Quiet();
  ~Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Owns an HDF5 identifier of any kind: file, group, dataset, type, space, property list.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();

  hid_t get() const { return id_; }
  operator hid_t() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  /// Closes now; returns a negative number where that failed.
  herr_t close();

 private:
  hid_t id_ = H5I_INVALID_HID;
};

/// What HDF5 says about its last failure: the innermost entry of its error stack.
std::string reason();

/// "file.h5:/path" of an open object, for messages.
std::string where(hid_t object);

/// Throws Error `code`: "`problem` (`reason()`): check the file with h5dump".
[[noreturn]] void fail(const std::string& problem, ExitCode code = ExitCode::io_failed);

/// Passes the result of an HDF5 call through; a negative one is `fail(problem)`.
template <class T>
T check(T result, const std::string& problem, ExitCode code = ExitCode::io_failed) {
  if (result < 0) fail(problem, code);
  return result;
}

/// Opens a file read-only, without locks (it may lie on a read-only file system, or be open
/// elsewhere). `subject` names it in messages. Errors: 66 missing, 77 no permission, 65 not HDF5,
/// damaged or truncated.
Handle open_file(const std::string& path, const std::string& subject);

/// The bytes of an HDF5 file that `fill` has written into the root group, built in memory: write
/// them with write_file_atomically. Equal contents give equal bytes.
std::vector<std::byte> make_image(const std::function<void(hid_t file)>& fill);

/// Opens such bytes, read-only. `subject` names them in messages. Error 65.
Handle open_image(std::span<const std::byte> image, const std::string& subject);

/// Whether `path` leads to an object (a dangling link does not count).
bool exists(hid_t location, const std::string& path);

/// Errors 65 (no such group), 74.
Handle open_group(hid_t location, const std::string& path);
Handle create_group(hid_t location, const std::string& path);

/// Lengths of the dimensions of a dataspace; empty for a scalar, {0} for a null space.
std::vector<Index> dimensions(hid_t space);

}  // namespace gmmpi::h5
