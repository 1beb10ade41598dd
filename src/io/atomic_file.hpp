// An output file that appears under its name only when it is complete and on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "gmmpi/parallel/communicator.hpp"
#include "io/posix_file.hpp"

namespace gmmpi {

/// Written by all ranks to a temporary name in the same directory (".<name>.tmp.<process id of rank
/// 0>") and renamed by commit(). Destroyed without commit(), it removes the temporary.
/// Errors everywhere: 73 cannot create (no such directory, the name is a directory or a device ...),
/// 77 no permission, 74 I/O (disk full, quota ...).
class AtomicFile {
 public:
  /// Collective. An existing regular file of this name is replaced by commit(); where the name is a
  /// symbolic link, the file that it leads to is.
  AtomicFile(const Communicator& comm, const std::string& path);

  /// As given.
  const std::string& path() const { return path_; }
  /// The name of the temporary file, for reading back what was written.
  const std::string& temporary() const { return temporary_; }
  /// Local, thread-safe. Writes all bytes at `offset`.
  void write(std::int64_t offset, std::span<const std::byte> bytes) const;
  /// Collective. Flushes to disk, renames, flushes the directory.
  void commit();

 private:
  /// Removes the file of this name, if any, at the end of its life.
  struct Removal {
    std::string name;
    Removal() = default;
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;
    ~Removal();
  };

  void create();
  void put_in_place();

  Communicator comm_;
  std::string path_;
  std::string target_;  ///< what the temporary is renamed to
  std::string temporary_;
  Removal removal_;  ///< of the temporary; rank 0 only, until commit
  FileDescriptor fd_;
};

/// Local. A file without a name in the folder of an output, for what is read back: it is gone when it is
/// closed, also when the process is killed.
class ScratchFile {
 public:
  /// `path`: the output. Errors as AtomicFile.
  explicit ScratchFile(const std::string& path);

  /// Thread-safe. Error 74.
  void write(std::int64_t offset, std::span<const std::byte> bytes) const;
  void read(std::int64_t offset, std::span<std::byte> bytes) const;

 private:
  std::string path_;
  FileDescriptor fd_;
};

/// Local. Writes a file as a whole: it holds `image`, or (on an error) what it held before.
void write_file_atomically(const std::string& path, std::span<const std::byte> image);

}  // namespace gmmpi
