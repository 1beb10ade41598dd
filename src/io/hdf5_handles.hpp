// HDF5 handles that close themselves, and HDF5's errors as gmmpi::Error.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::h5 {

/// While it lives this thread alone uses HDF5, which may not be safe for threads (a thread reads data ahead,
/// another writes checkpoints), and HDF5 prints no error stacks. All calls of HDF5 lie in a session; sessions
/// nest. HDF5 never meets MPI.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  std::lock_guard<std::recursive_mutex> lock_;
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
