// Tests of files that appear only when they are complete.
#include "io/atomic_file.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string create_error(const std::string& path) {
  return error_of([&] { AtomicFile(test_world(), path).commit(); });
}

}  // namespace

TEST_CASE("atomic file: all ranks write, and it appears at commit") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out";
  {
    AtomicFile file(test_world(), path);
    file.write(test_world().rank(), bytes_of(std::string(1, static_cast<char>('a' + test_world().rank()))));
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(dir.n_entries() == 1);
    file.commit();
    CHECK(read_file(path) ==
          std::string("abcdefgh").substr(0, static_cast<std::size_t>(test_world().size())));
  }
  CHECK(dir.n_entries() == 1);
}

TEST_CASE("atomic file: without commit nothing is left and the old file stays") {
  const TemporaryDirectory dir;
  const std::string path = write_file(dir / "out", "old");
  {
    AtomicFile file(test_world(), path);
    file.write(0, bytes_of("new contents"));
  }
  CHECK(dir.n_entries() == 1);
  CHECK(read_file(path) == "old");
}

TEST_CASE("atomic file: commit replaces, through a symbolic link too") {
  const TemporaryDirectory dir;
  const std::string path = write_file(dir / "out", "old and longer");
  on_root([&] { std::filesystem::create_symlink("out", dir / "link"); });
  AtomicFile file(test_world(), dir / "link");
  if (test_world().is_root()) file.write(0, bytes_of("new"));
  file.commit();
  CHECK(read_file(path) == "new");
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK(dir.n_entries() == 2);
}

TEST_CASE("atomic file: places where no file can be made") {
  const TemporaryDirectory dir;
  write_file(dir / "file", "x");
  CHECK_THAT(create_error(dir / "no/out"), StartsWith("73 " + (dir / "no/out") + ": cannot be created"));
  CHECK_THAT(create_error(dir / "file/out"), StartsWith("73 " + (dir / "file/out")));
  CHECK_THAT(create_error(dir / ""), StartsWith("73 "));
  CHECK_THAT(create_error(dir / "."), StartsWith("73 "));
  CHECK_THAT(create_error(""), StartsWith("73 "));
  CHECK_THAT(create_error("/dev/null"), StartsWith("73 /dev/null: cannot be created (a device"));
  std::string denied;
  {
    const OtherUser other;
    denied = create_error(dir / "out");
  }
  CHECK_THAT(denied, StartsWith("77 " + (dir / "out") + ": cannot be created (Permission denied)"));
  CHECK(dir.n_entries() == 1);
}

TEST_CASE("atomic file: a disk that is full leaves the old file") {
  const TemporaryDirectory dir;
  const std::string path = write_file(dir / "out", "old");
  std::string error;
  on_root([&] {
    const FileSizeLimit limit(1000);
    error = error_of([&] { write_file_atomically(path, bytes_of(std::string(5000, 'x'))); });
  });
  if (test_world().is_root()) CHECK_THAT(error, StartsWith("74 " + path + ": cannot be written"));
  CHECK(read_file(path) == "old");
  CHECK(dir.n_entries() == 1);
}

TEST_CASE("atomic file: an image is written as a whole") {
  const TemporaryDirectory dir;
  const std::string image(3 << 20, 'y');
  on_root([&] { write_file_atomically(dir / "out", bytes_of(image)); });
  CHECK((read_file(dir / "out") == image));
}
