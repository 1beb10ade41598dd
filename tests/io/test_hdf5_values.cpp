// Tests of HDF5 attributes, small datasets and images in memory.
// covers: src/io/hdf5_handles.cpp
#include <fcntl.h>

#include <array>

#include "io/atomic_file.hpp"
#include "io/hdf5_values.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;
using h5::Handle;

namespace {

const std::vector<Index> kShape{2, 3};
const std::vector<double> kValues{0.1, -2, 3, 4, 5, 1e300};
const std::vector<std::int64_t> kIntegers{1, -2, std::int64_t{1} << 62};
const std::vector<std::string> kTexts{"", "a", "Größe"};

void fill(hid_t file) {
  h5::write_attribute(file, "filetype", "gmmpi-model");
  const Handle group = h5::create_group(file, "/model");
  h5::write_attribute(group, "tol", 1e-6);
  h5::write_attribute(group, "n_samples", std::int64_t{1} << 40);
  h5::write_attribute(group, "converged", 1);
  h5::write_attribute(group, "empty", std::string());
  h5::write_dataset(group, "means", kValues, kShape);
  h5::write_dataset(file, "/deep/down/integers", kIntegers, std::vector<Index>{3});
  h5::write_dataset(file, "/texts", kTexts);
}

/// Collective. Opens an image through a file, as users do.
Handle open_image(const TemporaryDirectory& dir, const std::vector<std::byte>& image) {
  on_root([&] { write_file_atomically(dir / "a.h5", image); });
  return h5::open_file(dir / "a.h5", "a.h5");
}

}  // namespace

TEST_CASE("hdf5 values: what is written is read back") {
  const TemporaryDirectory dir;
  const Handle file = open_image(dir, h5::make_image(fill));
  CHECK(h5::read_attribute<std::string>(file, "filetype") == "gmmpi-model");
  const Handle group = h5::open_group(file, "model");
  CHECK(h5::read_attribute<double>(group, "tol") == 1e-6);
  CHECK(h5::read_attribute<std::int64_t>(group, "n_samples") == std::int64_t{1} << 40);
  CHECK(h5::read_attribute<std::int64_t>(group, "converged") == 1);
  CHECK(h5::read_attribute<double>(group, "converged") == 1.0);
  CHECK(h5::read_attribute<std::string>(group, "empty").empty());
  std::vector<Index> shape;
  CHECK(h5::read_dataset<double>(group, "means", &shape) == kValues);
  CHECK(shape == kShape);
  CHECK(h5::read_dataset<std::int64_t>(file, "/deep/down/integers") == kIntegers);
  CHECK(h5::read_dataset<std::string>(file, "texts") == kTexts);
  CHECK(h5::has_attribute(group, "tol"));
  CHECK_FALSE(h5::has_attribute(group, "other"));
  CHECK(h5::exists(file, "/deep/down"));
  CHECK_FALSE(h5::exists(file, "/deep/up"));
  CHECK(h5::where(group) == dir / "a.h5" + ":/model");
}

TEST_CASE("hdf5 values: equal contents give equal bytes") {
  const std::vector<std::byte> image = h5::make_image(fill);
  ::sleep(1);  // times of creation would differ
  CHECK((image == h5::make_image(fill)));
}

TEST_CASE("hdf5 values: text of fixed length is text") {
  const TemporaryDirectory dir;
  const Handle file =
      open_image(dir, h5::make_image([](hid_t f) {
                   for (const auto& [name, pad] :
                        {std::pair("null", H5T_STR_NULLPAD), std::pair("space", H5T_STR_SPACEPAD)}) {
                     const Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR));
                     H5Tset_size(type, 6);
                     H5Tset_strpad(type, pad);
                     const Handle attribute(H5Acreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
                     H5Awrite(attribute, type, pad == H5T_STR_NULLPAD ? "full\0\0" : "full  ");
                   }
                 }));
  CHECK(h5::read_attribute<std::string>(file, "null") == "full");
  CHECK(h5::read_attribute<std::string>(file, "space") == "full");
}

TEST_CASE("hdf5 values: what is missing or of another kind is named") {
  const TemporaryDirectory dir;
  const Handle file = open_image(dir, h5::make_image(fill));
  const Handle group = h5::open_group(file, "/model");
  const std::string at = "65 " + (dir / "a.h5");
  CHECK_THAT(error_of([&] { h5::read_attribute<double>(group, "reg"); }),
             StartsWith(at + ":/model: no attribute reg"));
  CHECK_THAT(error_of([&] { h5::read_attribute<double>(file, "filetype"); }),
             StartsWith(at + ": attribute filetype does not hold numbers"));
  CHECK_THAT(error_of([&] { h5::read_attribute<std::string>(group, "tol"); }),
             Contains("tol does not hold text"));
  CHECK_THAT(error_of([&] { h5::read_dataset<double>(group, "weights"); }),
             StartsWith(at + ":/model: no dataset weights"));
  CHECK_THAT(error_of([&] { h5::read_dataset<double>(file, "/model"); }),
             StartsWith(at + ": no dataset /model"));
  CHECK_THAT(error_of([&] { h5::open_group(file, "/history"); }), StartsWith(at + ": no group /history"));
  CHECK_THAT(error_of([&] { h5::open_file(dir / "b.h5", "start b.h5"); }),
             StartsWith("66 start b.h5: no such file"));
}

TEST_CASE("hdf5 values: a write that fails says why") {
  const std::string error = error_of([] {
    h5::make_image([](hid_t file) {
      h5::write_attribute(file, "a", 1);
      h5::write_attribute(file, "a", 2);
    });
  });
  CHECK_THAT(error,
             StartsWith("74 ") && Contains("attribute a cannot be written") && !Contains("gives no reason"));
}

TEST_CASE("hdf5: nothing is printed to standard error") {
  const TemporaryDirectory dir;
  const std::string log = dir / fmt::format("stderr.{}", test_world().rank());
  const int saved = ::dup(2), to = ::open(log.c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(to, 2);
  const std::string text = write_file(dir / "text.h5", "\x89HDF\r\n\x1a\n and then nothing");
  const std::string first = open_error(text);
  const Handle file = open_image(dir, h5::make_image(fill));
  const std::string second = open_error((dir / "a.h5") + ":/none");
  error_of([&] { h5::read_attribute<double>(file, "none"); });
  ::dup2(saved, 2);
  ::close(saved);
  ::close(to);
  CHECK_THAT(first, StartsWith("65 "));
  CHECK_THAT(second, StartsWith("65 "));
  CHECK(read_file(log).empty());
}
