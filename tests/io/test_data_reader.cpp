// Tests of opening data: what the user may write, and files that are no data.
// covers: src/data/data_reader.cpp, src/io/open_data.cpp, src/io/data_format.cpp
#include <filesystem>

#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

TEST_CASE("parse_data_spec: a dataset follows a colon") {
  const auto parts = [](const std::string& text) {
    const DataSpec spec = parse_data_spec(text);
    CHECK(spec.text == text);
    return std::pair(spec.path, spec.dataset);
  };
  using Parts = std::pair<std::string, std::string>;
  CHECK(parts("a.h5") == Parts{"a.h5", ""});
  CHECK(parts("a.h5:/X") == Parts{"a.h5", "/X"});
  CHECK(parts("a.h5:group/X") == Parts{"a.h5", "/group/X"});
  CHECK(parts("/data/run:1/a.H5:/g/X") == Parts{"/data/run:1/a.H5", "/g/X"});
  CHECK(parts("data:/X") == Parts{"data", "/X"});
  CHECK(parts("time 12:30.csv") == Parts{"time 12:30.csv", ""});
  CHECK(parts("") == Parts{"", ""});
}

TEST_CASE("open_data: the content decides, whatever the name") {
  const TemporaryDirectory dir;
  const std::string text = "1,2\n3,4\n";
  for (const char* name : {"a.csv", "a.txt", "a.tsv", "a", "a.dat"}) {
    const auto reader = open_data(test_world(), write_file(dir / name, text));
    CHECK(reader->describe() == dir / name + " (csv, 2 x 2, f8)");
  }
  CHECK_THAT(open_error(write_file(dir / "a.h5", text)),
             StartsWith("65 " + (dir / "a.h5") + ": not an HDF5 file (it looks like text)"));
  CHECK_THAT(open_error(write_file(dir / "a.npy", text)),
             StartsWith("65 " + (dir / "a.npy") + ": not a npy file"));
  CHECK_THAT(open_error(dir / "a.csv:/X"), StartsWith("65 " + (dir / "a.csv") + ": not an HDF5 file"));
  CHECK_THAT(open_error(write_file(dir / "b.h5", std::string(100, '\0'))), Contains("no HDF5 signature"));
  CHECK_THAT(open_error(write_file(dir / "b.csv", std::string(100, '\0'))),
             Contains("neither HDF5 nor npy nor text"));
  CHECK_THAT(open_error(write_file(dir / "b.npz", "PK\x03\x04")), Contains("zip archive"));
  CHECK_THAT(open_error(write_file(dir / "b.csv.gz", "\x1f\x8b\x08")), Contains("gunzip"));
}

TEST_CASE("open_data: a file that is missing, empty, a directory or a device") {
  const TemporaryDirectory dir;
  for (const char* name : {"no.h5", "no.npy", "no.csv", "no/such.csv"})
    CHECK_THAT(open_error(dir / name), StartsWith("66 " + (dir / name) + ": no such file"));
  CHECK_THAT(open_error(""), StartsWith("66 no data file is named"));
  CHECK_THAT(open_error(dir / ""), Contains("this is a directory"));
  CHECK_THAT(open_error("/dev/null"), StartsWith("65 /dev/null: not a regular file"));
  for (const char* name : {"e.h5", "e.npy", "e.csv"})
    CHECK_THAT(open_error(write_file(dir / name, "")),
               StartsWith("65 " + (dir / name) + ": the file is empty"));
}

TEST_CASE("open_data: no permission") {
  const TemporaryDirectory dir;
  const std::string path = write_file(dir / "a.csv", "1,2\n");
  on_root([&] { std::filesystem::permissions(path, std::filesystem::perms::none); });
  std::string error;
  {
    const OtherUser other;
    error = open_error(path);
  }
  CHECK_THAT(error, StartsWith("77 " + path + ": no permission to read it"));
}
