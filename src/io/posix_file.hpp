// Read-only files by POSIX calls: a move-only descriptor and reads at any offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <string>

namespace gmmpi {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();

 private:
  int fd_ = -1;
};

/// A regular file that is not empty, open for reading. Reads are thread-safe.
class InputFile {
 public:
  /// `subject` names the file in messages. Errors: 66 missing, 77 no permission, 74 cannot be
  /// opened for another reason, 65 not a regular file or empty.
  InputFile(const std::string& path, std::string subject);

  const std::string& subject() const { return subject_; }
  std::int64_t size() const { return size_; }
  /// Fills `out` from `offset` on; returns the number of bytes read, less only at the file's end.
  std::size_t read_some(std::int64_t offset, std::span<std::byte> out) const;
  /// As read_some, but a file that ends before is Error 74.
  void read(std::int64_t offset, std::span<std::byte> out) const;
  /// Error 74 if the file has become shorter since it was opened.
  void check_length() const;
  /// Whether its size, or when it was changed, is not what it was when it was opened.
  bool is_touched() const;

 private:
  FileDescriptor fd_;
  std::string subject_;
  std::int64_t size_ = 0;
  timespec modified_{}, changed_{};  ///< its data; its data, name or permissions
};

/// A file that somebody else reads (HDF5), as it was when it was looked at.
class WatchedFile {
 public:
  /// `subject` names it in messages. Errors as InputFile.
  WatchedFile(std::string path, std::string subject);

  std::int64_t size() const { return size_; }
  /// Error 74 if the file has gone, or has become shorter.
  void check_length() const;
  /// As InputFile.
  bool is_touched() const;

 private:
  std::string path_, subject_;
  std::int64_t size_ = 0;
  timespec modified_{}, changed_{};
};

/// "No space left on device" for ENOSPC, and so on.
std::string errno_text(int error);

}  // namespace gmmpi
