// What the tests of io/ share: a fresh directory, small files, all rows of a table, expected errors.
#pragma once

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmmpi/error.hpp"
#include "gmmpi/io/open_data.hpp"
#include "support/world.hpp"

namespace io_test {

/// Collective. A directory of its own for a test case, removed at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gmmpi-io-XXXXXX").string();
    if (test_world().is_root()) {
      if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
      ::chmod(name.c_str(), 0755);  // another user may look in
    }
    test_world().broadcast(name);
    path_ = name;
  }
  ~TemporaryDirectory() {
    test_world().barrier();
    std::error_code ignored;
    if (test_world().is_root()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t n_entries() const {
    test_world().barrier();
    const auto entries = std::filesystem::directory_iterator(path_);
    const auto count = static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
    test_world().barrier();
    return count;
  }

 private:
  std::filesystem::path path_;
};

/// Collective. Runs `work` on rank 0 alone, when all ranks have finished what they did before.
template <class Fn>
void on_root(Fn&& work) {
  test_world().barrier();
  test_world().together([&] {
    if (test_world().is_root()) work();
  });
}

/// Collective. Rank 0 writes the file; returns its path.
inline std::string write_file(const std::string& path, const std::string& content) {
  on_root([&] { std::ofstream(path, std::ios::binary) << content; });
  return path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// All rows, read by every rank.
template <class T = double>
std::vector<T> all_rows(gmmpi::DataReader& reader) {
  std::vector<T> values(static_cast<std::size_t>(reader.n_rows() * reader.n_columns()));
  reader.read(0, reader.n_rows(), values.data());
  return values;
}

inline std::vector<double> all_rows(const std::string& spec) {
  return all_rows(*gmmpi::open_data(test_world(), spec));
}

/// "65 message" of the gmmpi::Error that `work` throws.
template <class Fn>
std::string error_of(Fn&& work) {
  try {
    work();
  } catch (const gmmpi::Error& e) {
    const std::string message = e.what();
    CHECK(message.find('\n') == std::string::npos);
    return fmt::format("{} {}", static_cast<int>(e.code()), message);
  }
  return "no error";
}

/// Collective. The error of opening a table and reading all of it.
inline std::string open_error(const std::string& spec) {
  return error_of([&] { all_rows(spec); });
}

/// Works as a user who is not root, so that permissions count.
class OtherUser {
 public:
  OtherUser() : was_(::geteuid()) {
    if (was_ == 0 && ::seteuid(65534) != 0) throw std::runtime_error("seteuid failed");
  }
  ~OtherUser() {
    if (was_ == 0 && ::seteuid(was_) != 0) std::terminate();
  }

 private:
  ::uid_t was_;
};

/// Files of this process cannot grow beyond a size: what a full disk is like.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &was_);
    const rlimit now{bytes, was_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &was_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit was_{};
  void (*handler_)(int);
};

using Catch::Contains;
using Catch::Matchers::StartsWith;

}  // namespace io_test
