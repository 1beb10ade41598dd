// An output file that appears under its name only when it is complete and on disk.
#include "io/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "gmmpi/error.hpp"

namespace gmmpi {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void cannot_create(const std::string& path, int error) {
  const auto failure = [&](ExitCode code, const char* remedy) {
    return Error(code, fmt::format("{}: cannot be created ({}): {}", path, errno_text(error), remedy));
  };
  switch (error) {
    case EACCES:
    case EPERM:
      throw failure(ExitCode::no_permission, "make its folder writable for you, or write elsewhere");
    case ENOSPC:
    case EDQUOT:
    case EIO:
      throw failure(ExitCode::io_failed, "free space on that disk, or write elsewhere");
    case ENOENT:
    case ENOTDIR:
      throw failure(ExitCode::cannot_create,
                    "make its folder first (mkdir -p), on a disk that every node sees");
    default:
      throw failure(ExitCode::cannot_create, "write elsewhere");
  }
}

[[noreturn]] void cannot_write(const std::string& path, int error) {
  throw Error(ExitCode::io_failed,
              fmt::format("{}: cannot be written ({}): free space on that disk, or write "
                          "elsewhere",
                          path, errno_text(error)));
}

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// The file that `path` leads to. Only a regular file may be replaced.
fs::path target_of(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path;
  if (fs::is_directory(status)) cannot_create(path, EISDIR);
  if (!fs::is_regular_file(status))
    throw Error(
        ExitCode::cannot_create,
        fmt::format("{}: cannot be created (a device or pipe has this name): name a regular file", path));
  const fs::path target = fs::canonical(path, error);
  return error ? fs::path(path) : target;
}

void write_all(int fd, std::int64_t offset, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) cannot_write(path, n == 0 ? ENOSPC : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
}

}  // namespace

AtomicFile::Removal::~Removal() {
  if (!name.empty()) ::unlink(name.c_str());
}

AtomicFile::AtomicFile(const Communicator& comm, const std::string& path) : comm_(comm), path_(path) {
  comm_.together([&] {
    if (comm_.is_root()) create();
  });
  comm_.broadcast(temporary_);
  comm_.together([&] {
    if (!comm_.is_root()) fd_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd_) cannot_create(path_, errno);
  });
}

void AtomicFile::create() {
  const fs::path target = target_of(path_);
  if (!target.has_filename()) cannot_create(path_, EISDIR);
  const fs::path temporary =
      directory_of(target) / fmt::format(".{}.tmp.{}", target.filename().string(), ::getpid());
  ::unlink(temporary.c_str());  // of a run that was killed and had the same process id
  fd_ = FileDescriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd_) cannot_create(path_, errno);
  target_ = target.string();
  temporary_ = removal_.name = temporary.string();
}

void AtomicFile::write(std::int64_t offset, std::span<const std::byte> bytes) const {
  write_all(fd_.get(), offset, bytes, path_);
}

void AtomicFile::commit() {
  comm_.together([&] {
    if (::fsync(fd_.get()) != 0) cannot_write(path_, errno);
    if (::close(fd_.release()) != 0 && errno != EINTR) cannot_write(path_, errno);
  });
  comm_.together([&] {
    if (comm_.is_root()) put_in_place();
  });
}

void AtomicFile::put_in_place() {
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) cannot_create(path_, errno);
  removal_.name.clear();
  const FileDescriptor directory(::open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return;  // a directory that may be written but not read
  if (::fsync(directory.get()) != 0 && errno != EINVAL) cannot_write(path_, errno);
}

ScratchFile::ScratchFile(const std::string& path) : path_(path) {
  const fs::path target = target_of(path);
  std::string name =
      (directory_of(target) / fmt::format(".{}.rows.XXXXXX", target.filename().string())).string();
  fd_ = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd_) cannot_create(path_, errno);
  ::unlink(name.c_str());
}

void ScratchFile::write(std::int64_t offset, std::span<const std::byte> bytes) const {
  write_all(fd_.get(), offset, bytes, path_);
}

void ScratchFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pread(fd_.get(), bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) cannot_write(path_, n == 0 ? EIO : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
}

void write_file_atomically(const std::string& path, std::span<const std::byte> image) {
  AtomicFile file(Communicator::single(), path);
  file.write(0, image);
  file.commit();
}

}  // namespace gmmpi
