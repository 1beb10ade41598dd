// Read-only files by POSIX calls: a move-only descriptor and reads at any offset.
#include "io/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "gmmpi/error.hpp"

namespace gmmpi {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int FileDescriptor::release() {
  return std::exchange(fd_, -1);
}

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

namespace {

[[noreturn]] void cannot_open(int error, const std::string& subject) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      throw Error(ExitCode::no_input,
                  fmt::format("{}: no such file ({}): check the path, and that every node "
                              "sees it",
                              subject, errno_text(error)));
    case EACCES:
    case EPERM:
      throw Error(ExitCode::no_permission,
                  fmt::format("{}: no permission to read it ({}): make the file and its folders readable for "
                              "you (chmod)",
                              subject, errno_text(error)));
    case EMFILE:
    case ENFILE:
      throw Error(ExitCode::io_failed,
                  fmt::format("{}: cannot be opened ({}): allow more open files (ulimit -n)", subject,
                              errno_text(error)));
    default:
      throw Error(ExitCode::io_failed,
                  fmt::format("{}: cannot be opened ({}): check the file system and try again", subject,
                              errno_text(error)));
  }
}

[[noreturn]] void too_short(const std::string& subject) {
  throw Error(
      ExitCode::io_failed,
      fmt::format("{}: the file has become shorter while it was read: run again when nobody writes it",
                  subject));
}

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

InputFile::InputFile(const std::string& path, std::string subject) : subject_(std::move(subject)) {
  fd_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // never waits for a pipe
  if (!fd_) cannot_open(errno, subject_);
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) cannot_open(errno, subject_);
  if (S_ISDIR(info.st_mode))
    throw Error(ExitCode::bad_data, fmt::format("{}: this is a directory: name a file in it", subject_));
  if (!S_ISREG(info.st_mode))
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: not a regular file (it must be read at any place, by many processes): save it "
                    "to a file first",
                    subject_));
  if (info.st_size == 0)
    throw Error(ExitCode::bad_data,
                fmt::format("{}: the file is empty (0 bytes): check the program that wrote it", subject_));
  size_ = info.st_size;
  modified_ = info.st_mtim;
  changed_ = info.st_ctim;
}

std::size_t InputFile::read_some(std::int64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd_.get(), out.data() + done, out.size() - done, offset + static_cast<std::int64_t>(done));
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      throw Error(ExitCode::io_failed,
                  fmt::format("{}: cannot be read at byte {} ({}): check the file system", subject_, offset,
                              errno_text(errno)));
    }
  }
  return done;
}

void InputFile::read(std::int64_t offset, std::span<std::byte> out) const {
  if (read_some(offset, out) != out.size()) too_short(subject_);
}

void InputFile::check_length() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) == 0 && info.st_size < size_) too_short(subject_);
}

bool InputFile::is_touched() const {
  struct stat info {};
  return ::fstat(fd_.get(), &info) != 0 || info.st_size != size_ || !same(info.st_mtim, modified_) ||
         !same(info.st_ctim, changed_);
}

WatchedFile::WatchedFile(std::string path, std::string subject)
    : path_(std::move(path)), subject_(std::move(subject)) {
  const InputFile readable(path_, subject_);
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) cannot_open(errno, subject_);
  size_ = info.st_size;
  modified_ = info.st_mtim;
  changed_ = info.st_ctim;
}

void WatchedFile::check_length() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0 || info.st_size < size_) too_short(subject_);
}

bool WatchedFile::is_touched() const {
  struct stat info {};
  return ::stat(path_.c_str(), &info) != 0 || info.st_size != size_ || !same(info.st_mtim, modified_) ||
         !same(info.st_ctim, changed_);
}

}  // namespace gmmpi
