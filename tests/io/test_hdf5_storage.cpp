// Tests of values that HDF5 would make up: sources and raw files that are gone, data that nobody wrote.
// covers: src/io/hdf5_virtual.cpp
#include <array>
#include <cstdlib>
#include <numeric>

#include "hdf5_support.hpp"
#include "io/hdf5_values.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;
using h5::Handle;

namespace {

using Lengths = std::vector<hsize_t>;

Handle space_of(const Lengths& lengths, const Lengths& most = {}) {
  return Handle(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(),
                                 most.empty() ? nullptr : most.data()));
}

Handle selection(const Lengths& lengths, const Lengths& start, const Lengths& count,
                 const Lengths& stride = {}, const Lengths& block = {}, const Lengths& most = {}) {
  Handle space = space_of(lengths, most);
  REQUIRE(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), stride.empty() ? nullptr : stride.data(),
                              count.data(), block.empty() ? nullptr : block.data()) >= 0);
  return space;
}

/// Rows first, first + 1, ... of two columns: 2 n and 2 n + 1.
std::vector<double> rows(std::size_t n, double first = 0) {
  std::vector<double> values(2 * n);
  std::iota(values.begin(), values.end(), 2 * first);
  return values;
}

/// Local. A file with a dataset of n rows.
void source(const std::string& path, std::size_t n, double first = 0, const std::string& name = "X") {
  const Handle file = create_hdf5(path);
  h5::write_dataset(file, "/" + name, rows(n, first), std::vector<Index>{static_cast<Index>(n), 2});
}

/// A part of a virtual dataset: `rows` of it from `first` on are those of a source.
struct Part {
  std::string file;
  hsize_t first = 0, rows = 0;
  std::string dataset = "X";
};

void make_virtual(hid_t file, const std::string& name, hsize_t n, const std::vector<Part>& parts) {
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  for (const Part& part : parts)
    REQUIRE(H5Pset_virtual(creation, selection({n, 2}, {part.first, 0}, {part.rows, 2}), part.file.c_str(),
                           part.dataset.c_str(), space_of({part.rows, 2})) >= 0);
  REQUIRE(Handle(H5Dcreate2(file, name.c_str(), H5T_NATIVE_DOUBLE, space_of({n, 2}), H5P_DEFAULT, creation,
                            H5P_DEFAULT)));
}

/// Local. A file of its own with a virtual dataset X.
std::string virtual_file(const std::string& path, hsize_t n, const std::vector<Part>& parts) {
  make_virtual(create_hdf5(path), "X", n, parts);
  return path;
}

}  // namespace

TEST_CASE("hdf5 storage: a virtual dataset is its sources, or names what is wrong with them") {
  const TemporaryDirectory dir;
  on_root([&] {
    std::filesystem::create_directory(dir / "sub");
    source(dir / "a.h5", 30);
    source(dir / "sub/b.h5", 20, 30);
    source(dir / "short.h5", 19, 30);
    source(dir / "other.h5", 20, 30, "Y");
    std::ofstream(dir / "text.h5") << "no HDF5";
    REQUIRE(::mkfifo((dir / "pipe.h5").c_str(), 0600) == 0);
    virtual_file(dir / "good.h5", 50, {{"a.h5", 0, 30}, {"sub/b.h5", 30, 20}});
    virtual_file(dir / "nested.h5", 100, {{"good.h5", 0, 50}, {dir / "good.h5", 50, 50}});
    virtual_file(dir / "missing.h5", 50, {{"a.h5", 0, 30}, {"gone.h5", 30, 20}});
    virtual_file(dir / "deep.h5", 50, {{"missing.h5", 0, 50}});
    virtual_file(dir / "no_dataset.h5", 50, {{"a.h5", 0, 30}, {"other.h5", 30, 20}});
    virtual_file(dir / "smaller.h5", 50, {{"a.h5", 0, 30}, {"short.h5", 30, 20}});
    virtual_file(dir / "gap.h5", 60, {{"a.h5", 0, 30}, {"sub/b.h5", 35, 20}});
    virtual_file(dir / "not.h5", 50, {{"a.h5", 0, 30}, {"text.h5", 30, 20}});
    virtual_file(dir / "waits.h5", 50, {{"a.h5", 0, 30}, {"pipe.h5", 30, 20}});
    virtual_file(dir / "grown.h5", 20, {{"a.h5", 0, 20}});
    const Handle self = create_hdf5(dir / "self.h5");
    make_virtual(self, "X", 50, {{".", 0, 50, "Y"}});
    make_virtual(self, "Y", 50, {{".", 0, 50, "X"}});
    h5::write_dataset(self, "/Z", rows(5), std::vector<Index>{5, 2});
    make_virtual(self, "same_file", 5, {{".", 0, 5, "Z"}});
  });
  CHECK(all_rows(dir / "good.h5") == rows(50));
  CHECK(all_rows(dir / "grown.h5") == rows(20));
  CHECK(all_rows(dir / "self.h5:/same_file") == rows(5));
  std::vector<double> twice = rows(50);
  twice.insert(twice.end(), twice.begin(), twice.begin() + 100);
  CHECK(all_rows(dir / "nested.h5") == twice);
  const auto check = [&](const std::string& name, const std::string& code, const std::string& words) {
    const std::string error = open_error(dir / name);
    CHECK_THAT(error, StartsWith(code + " ") && Contains(dir / name) && Contains(words));
  };
  check("missing.h5", "66", "is made of gone.h5, which is not there");
  check("deep.h5", "66", dir / "missing.h5:X, of which ");
  check("no_dataset.h5", "65", "the dataset X of " + (dir / "other.h5"));
  check("smaller.h5", "65", (dir / "short.h5:X") + " (19 x 2)");
  check("gap.h5", "65", "in rows 30 to 59 have no source");
  check("not.h5", "65", (dir / "text.h5") + ", of which");
  check("waits.h5", "65", "not a regular file");
  check("self.h5", "65", "is made of itself");
}

TEST_CASE("hdf5 storage: sources are looked for where HDF5 looks, and are watched while they are read") {
  const TemporaryDirectory dir;
  on_root([&] {
    std::filesystem::create_directory(dir / "far");
    source(dir / "far/b.h5", 20);
    virtual_file(dir / "v.h5", 20, {{"/no/such/folder/b.h5", 0, 20}});
  });
  CHECK_THAT(open_error(dir / "v.h5"), StartsWith("66 ") && Contains("put it at " + (dir / "b.h5")));
  ::setenv("HDF5_VDS_PREFIX", ("/nowhere:" + (dir / "far")).c_str(), 1);
  CHECK(all_rows(dir / "v.h5") == rows(20));
  const auto reader = open_data(test_world(), dir / "v.h5");
  CHECK_FALSE(reader->is_touched());
  on_root([&] { std::filesystem::remove(dir / "far/b.h5"); });
  CHECK_THAT(error_of([&] { all_rows(*reader); }), StartsWith("74 " + (dir / "far/b.h5")));
  CHECK(reader->is_touched());
  test_world().barrier();
  ::unsetenv("HDF5_VDS_PREFIX");
}

TEST_CASE("hdf5 storage: numbered sources must not have a gap, unlimited ones end with their source") {
  const TemporaryDirectory dir;
  const auto numbered = [&](const std::string& path, const char* file, const char* dataset) {
    const Handle hdf5 = create_hdf5(path), creation(H5Pcreate(H5P_DATASET_CREATE));
    REQUIRE(
        H5Pset_virtual(creation,
                       selection({10, 2}, {0, 0}, {H5S_UNLIMITED, 1}, {10, 2}, {10, 2}, {H5S_UNLIMITED, 2}),
                       file, dataset, space_of({10, 2})) >= 0);
    REQUIRE(Handle(H5Dcreate2(hdf5, "X", H5T_NATIVE_DOUBLE, space_of({10, 2}, {H5S_UNLIMITED, 2}),
                              H5P_DEFAULT, creation, H5P_DEFAULT)));
  };
  on_root([&] {
    for (const int i : {0, 1, 3}) source(dir / fmt::format("f-{}%.h5", i), 10, 10 * i);
    for (const int i : {0, 1, 2}) source(dir / fmt::format("g-{}.h5", i), 10, 10 * i);
    numbered(dir / "gap.h5", "f-%b%%.h5", "X");
    numbered(dir / "good.h5", "g-%b.h5", "X");
    numbered(dir / "none.h5", "h-%b.h5", "X");
    numbered(dir / "datasets.h5", "g-0.h5", "X-%b");
    // An unlimited selection of every second pair of rows of a source that ends within a pair.
    source(dir / "long.h5", 7);
    const Handle hdf5 = create_hdf5(dir / "unlimited.h5"), creation(H5Pcreate(H5P_DATASET_CREATE));
    const Handle from = selection({7, 2}, {0, 0}, {H5S_UNLIMITED, 1}, {4, 2}, {2, 2}, {H5S_UNLIMITED, 2}),
                 to = selection({2, 2}, {0, 0}, {H5S_UNLIMITED, 1}, {1, 2}, {1, 2}, {H5S_UNLIMITED, 2});
    REQUIRE(H5Pset_virtual(creation, to, "long.h5", "X", from) >= 0);
    REQUIRE(Handle(H5Dcreate2(hdf5, "X", H5T_NATIVE_DOUBLE, space_of({2, 2}, {H5S_UNLIMITED, 2}), H5P_DEFAULT,
                              creation, H5P_DEFAULT)));
  });
  CHECK(all_rows(dir / "good.h5") == rows(30));
  CHECK(all_rows(dir / "unlimited.h5") == std::vector<double>{0, 1, 2, 3, 8, 9, 10, 11});
  CHECK_THAT(open_error(dir / "gap.h5"),
             StartsWith("66 ") && Contains("made of f-2%.h5, which is not there"));
  CHECK_THAT(open_error(dir / "none.h5"),
             StartsWith("66 ") && Contains("made of h-0.h5, which is not there"));
  CHECK_THAT(open_error(dir / "datasets.h5"), StartsWith("65 ") && Contains("the dataset X-0 of "));
}

TEST_CASE("hdf5 storage: rows that were never written are no zeros") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.h5";
  on_root([&] {
    const Handle file = create_hdf5(path);
    const auto create = [&](const char* name, const Lengths& chunk) {
      const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
      if (!chunk.empty()) H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      const double fill = -9;
      H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &fill);
      return Handle(
          H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space_of({100, 2}), H5P_DEFAULT, creation, H5P_DEFAULT));
    };
    const auto write = [&](const Handle& dataset, hsize_t first, hsize_t n) {
      const std::vector<double> values = rows(n, static_cast<double>(first));
      REQUIRE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, space_of({n, 2}), selection({100, 2}, {first, 0}, {n, 2}),
                       H5P_DEFAULT, values.data()) >= 0);
    };
    create("never", {});
    create("no_chunk", {30, 2});
    write(create("some", {30, 2}), 0, 60);
    const Handle middle = create("middle", {30, 2}), all = create("all", {30, 2}),
                 narrow = create("narrow", {30, 1});
    write(middle, 0, 30);
    write(middle, 60, 40);
    write(all, 0, 100);
    write(narrow, 0, 100);
    write(create("contiguous", {}), 0, 100);
    const Handle right = create("right", {100, 1});
    const std::vector<double> ones(100, 1);
    REQUIRE(H5Dwrite(right, H5T_NATIVE_DOUBLE, space_of({100, 1}), selection({100, 2}, {0, 1}, {100, 1}),
                     H5P_DEFAULT, ones.data()) >= 0);
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE));  // of what is there of "some", and beyond
    const Handle half(H5Pcreate(H5P_DATASET_CREATE));
    REQUIRE(H5Pset_virtual(creation, space_of({60, 2}), ".", "some", selection({100, 2}, {0, 0}, {60, 2})) >=
            0);
    REQUIRE(H5Pset_virtual(half, space_of({61, 2}), ".", "some", selection({100, 2}, {0, 0}, {61, 2})) >= 0);
    REQUIRE(Handle(
        H5Dcreate2(file, "view", H5T_NATIVE_DOUBLE, space_of({60, 2}), H5P_DEFAULT, creation, H5P_DEFAULT)));
    REQUIRE(Handle(
        H5Dcreate2(file, "beyond", H5T_NATIVE_DOUBLE, space_of({61, 2}), H5P_DEFAULT, half, H5P_DEFAULT)));
  });
  for (const char* name : {"all", "narrow", "contiguous"}) CHECK((all_rows(path + ":" + name) == rows(100)));
  CHECK((all_rows(path + ":view") == rows(60)));
  const auto check = [&](const std::string& name, const std::string& words) {
    CHECK_THAT(open_error(path + ":" + name),
               StartsWith("65 " + path + ":") && Contains(name) && Contains(words));
  };
  check("never", "never was never written");
  check("no_chunk", ": rows 0 to 29 were never written");
  check("some", ": rows 60 to 89 were never written");
  check("middle", ": rows 30 to 59 were never written");
  check("right", ": rows 0 to 99, column 0 were never written");
  check("beyond", "rows 60 to 89 were never written");
  const h5::Handle file = h5::open_file(path, path);
  CHECK_THAT(error_of([&] { h5::read_dataset<double>(file, "/never"); }),
             StartsWith("65 ") && Contains("never written"));
}

TEST_CASE("hdf5 storage: raw files that are gone or too short") {
  const TemporaryDirectory dir;
  const std::string path = dir / "a.h5";
  on_root([&] {
    const Handle file = create_hdf5(path);
    const auto make = [&](const char* name, hsize_t size) {
      const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_external(creation, (dir / name).c_str(), 16, size);
      if (size < 160) H5Pset_external(creation, (dir / (std::string(name) + "2")).c_str(), 0, H5F_UNLIMITED);
      REQUIRE(Handle(
          H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space_of({10, 2}), H5P_DEFAULT, creation, H5P_DEFAULT)));
    };
    for (const char* name : {"whole", "short", "gone", "pipe"}) make(name, 160);
    make("parts", 64);
    const std::vector<double> values = rows(10);
    const std::string bytes(reinterpret_cast<const char*>(values.data()), 160), head(16, 'h');
    std::ofstream(dir / "whole", std::ios::binary) << head << bytes << "more";
    std::ofstream(dir / "short", std::ios::binary) << head << bytes.substr(0, 159);
    std::ofstream(dir / "parts", std::ios::binary) << head << bytes.substr(0, 64);
    std::ofstream(dir / "parts2", std::ios::binary) << bytes.substr(64);
    REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  });
  CHECK(all_rows(path + ":whole") == rows(10));
  CHECK(all_rows(path + ":parts") == rows(10));
  CHECK_THAT(open_error(path + ":short"),
             StartsWith("65 " + path + ":short: its raw file " + (dir / "short") +
                        " is too short (175 bytes, 176 are needed)"));
  CHECK_THAT(open_error(path + ":gone"),
             StartsWith("66 " + (dir / "gone") + ", in which values of ") && Contains(path));
  CHECK_THAT(open_error(path + ":pipe"),
             StartsWith("65 " + (dir / "pipe")) && Contains("not a regular file"));
}
