// Tests of the HDF5 reader, on files made with the C API.
// covers: src/io/posix_file.cpp
#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <cmath>
#include <numeric>

#include "hdf5_support.hpp"
#include "io/hdf5_values.hpp"
#include "io/posix_file.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;
using h5::Handle;

namespace {

/// A new dataset of doubles, stored as `type`, chunked (and deflated) where `chunk` is given.
void put(hid_t file, const std::string& path, const std::vector<hsize_t>& dims,
         const std::vector<double>& values, hid_t type = H5T_NATIVE_DOUBLE,
         const std::vector<hsize_t>& chunk = {}, bool deflate = false) {
  const Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  if (!chunk.empty()) H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
  if (deflate) H5Pset_deflate(creation, 1);
  const Handle dataset(
      H5Dcreate2(file, path.c_str(), type, space, h5::link_creation(), creation, H5P_DEFAULT));
  REQUIRE(dataset);
  if (!values.empty())
    REQUIRE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

/// A new dataset of `type` that nothing is written to.
void put_empty(hid_t file, const std::string& path, hid_t type, const Handle& space) {
  REQUIRE(Handle(H5Dcreate2(file, path.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
}

Handle space_of(const std::vector<hsize_t>& dims) {
  return Handle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
}

/// Collective. Rank 0 makes the file.
template <class Fn>
std::string make_file(const std::string& path, Fn&& fill) {
  on_root([&] { fill(create_hdf5(path).get()); });
  return path;
}

Handle half_type(bool little) {
  Handle type(H5Tcopy(little ? H5T_IEEE_F32LE : H5T_IEEE_F32BE));
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

const std::vector<double> kRows{1, 2, 3, 100, 5, 0};  // 3 x 2

}  // namespace

TEST_CASE("hdf5: floats and integers of either byte order") {
  const TemporaryDirectory dir;
  struct Case {
    std::string name;
    hid_t type;
    ElementType element;
  };
  const Handle half = half_type(true), half_big = half_type(false);
  const std::vector<Case> cases{
      {"f2", half, ElementType::f4},           {"F2", half_big, ElementType::f4},
      {"f4", H5T_IEEE_F32LE, ElementType::f4}, {"F4", H5T_IEEE_F32BE, ElementType::f4},
      {"f8", H5T_IEEE_F64LE, ElementType::f8}, {"F8", H5T_IEEE_F64BE, ElementType::f8},
      {"i1", H5T_STD_I8LE, ElementType::f4},   {"u1", H5T_STD_U8BE, ElementType::f4},
      {"i2", H5T_STD_I16LE, ElementType::f4},  {"I2", H5T_STD_I16BE, ElementType::f4},
      {"u2", H5T_STD_U16LE, ElementType::f4},  {"U2", H5T_STD_U16BE, ElementType::f4},
      {"i4", H5T_STD_I32LE, ElementType::f8},  {"U4", H5T_STD_U32BE, ElementType::f8},
      {"i8", H5T_STD_I64LE, ElementType::f8},  {"I8", H5T_STD_I64BE, ElementType::f8},
      {"u8", H5T_STD_U64LE, ElementType::f8},  {"U8", H5T_STD_U64BE, ElementType::f8},
  };
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    for (const Case& c : cases) put(file, "/t/" + c.name, {3, 2}, kRows, c.type);
  });
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto reader = open_data(test_world(), path + ":/t/" + c.name);
    CHECK(reader->element() == c.element);
    CHECK(all_rows(*reader) == kRows);
    if (c.element == ElementType::f4)
      CHECK(all_rows<float>(*reader) == std::vector<float>(kRows.begin(), kRows.end()));
  }
  CHECK(open_data(test_world(), path + ":t/f8")->describe() == path + ":t/f8 (HDF5, 3 x 2, f8)");
}

TEST_CASE("hdf5: h5py's bool is read as 0 and 1") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    const Handle type(H5Tenum_create(H5T_STD_I8LE));
    const std::array<std::int8_t, 4> values{0, 1, 1, 0};
    H5Tenum_insert(type, "FALSE", &values[0]);
    H5Tenum_insert(type, "TRUE", &values[1]);
    const Handle dataset(
        H5Dcreate2(file, "X", type, space_of({2, 2}), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  });
  const auto reader = open_data(test_world(), path);
  CHECK(reader->element() == ElementType::f4);
  CHECK(all_rows(*reader) == std::vector<double>{0, 1, 1, 0});
}

TEST_CASE("hdf5: contiguous, chunked and compressed data are the same in any pieces") {
  const TemporaryDirectory dir;
  constexpr Index n = 50000, d = 5;
  std::vector<double> rows(n * d);
  std::iota(rows.begin(), rows.end(), 0.25);
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    put(file, "/plain", {n, d}, rows);
    put(file, "/chunks", {n, d}, rows, H5T_IEEE_F64BE, {777, 2});
    put(file, "/gzip", {n, d}, rows, H5T_NATIVE_DOUBLE, {1000, d}, true);
    put(file, "/columns", {n, d}, rows, H5T_NATIVE_DOUBLE, {n, 1}, true);
  });
  for (const char* name : {"/plain", "/chunks", "/gzip", "/columns"}) {
    CAPTURE(name);
    const auto reader = open_data(test_world(), path + ":" + name);
    CHECK((all_rows(*reader) == rows));
    std::vector<double> pieces(rows.size());
    for (Index first = 0; first < n; first += 333)
      reader->read(first, std::min<Index>(333, n - first), pieces.data() + first * d);
    CHECK((pieces == rows));
    CHECK_THAT(error_of([&] { reader->read(n - 1, 2, pieces.data()); }), StartsWith("70 "));
  }
}

TEST_CASE("hdf5: more than one piece of a read") {
  const TemporaryDirectory dir;
  constexpr Index n = 300000, d = 16;  // 38 MB
  std::vector<double> rows(n * d);
  std::iota(rows.begin(), rows.end(), 0.0);
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) { put(file, "/X", {n, d}, rows); });
  const auto reader = open_data(test_world(), path);
  CHECK((all_rows(*reader) == rows));
  std::vector<double> tail(rows.size() - 7 * d);
  reader->read(7, n - 7, tail.data());
  CHECK(std::equal(tail.begin(), tail.end(), rows.begin() + 7 * d));
}

TEST_CASE("hdf5: feature names belong to the default dataset") {
  const TemporaryDirectory dir;
  const std::vector<std::string> names{"eruptions", "Größe"};
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    put(file, "/X", {3, 2}, kRows);
    h5::write_dataset(file, "/feature_names", names);
  });
  CHECK(open_data(test_world(), path)->feature_names() == names);
  CHECK(open_data(test_world(), path + ":/X")->feature_names().empty());
  const std::string fixed = make_file(dir / "b.h5", [&](hid_t file) {
    put(file, "/X", {3, 2}, kRows);
    const Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type, 3);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const Handle dataset(
        H5Dcreate2(file, "feature_names", type, space_of({2}), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "abcd\0\0");
  });
  CHECK(open_data(test_world(), fixed)->feature_names() == std::vector<std::string>{"abc", "d"});
  const std::string wrong = make_file(dir / "c.h5", [&](hid_t file) {
    put(file, "/X", {2, 3}, kRows);
    h5::write_dataset(file, "/feature_names", names);
  });
  CHECK_THAT(open_error(wrong),
             StartsWith("65 " + wrong + ":/X has 3 columns, but /feature_names holds 2 names"));
}

TEST_CASE("hdf5: a missing dataset or a group tells what the file holds") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "iris.h5", [&](hid_t file) {
    put(file, "/a_labels", {3}, {0, 1, 2});
    put(file, "/features", {3, 2}, kRows);
    put(file, "/g/sub", {3, 2}, kRows);
    H5Lcreate_soft("/nowhere", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", file, "/g/cycle", H5P_DEFAULT, H5P_DEFAULT);
  });
  CHECK_THAT(open_error(path),
             StartsWith("65 " + path + ": no dataset /X; it holds /a_labels (3), /features (3 x 2), ") &&
                 Catch::Matchers::EndsWith(": name one as " + path + ":/features"));
  CHECK_THAT(open_error(path + ":/features/x"), Contains("no dataset /features/x;"));
  CHECK_THAT(open_error(path + ":/dangling"), Contains("no dataset /dangling;"));
  CHECK_THAT(open_error(path + ":/g"),
             StartsWith("65 " + path + ": /g is a group, not a dataset; it holds "));
  CHECK_THAT(error_of([&] { open_column(test_world(), path, "/sample_weight", "sample weights"); }),
             StartsWith("65 sample weights " + path + ": no dataset /sample_weight;") &&
                 Catch::Matchers::EndsWith(": name one as " + path + ":/a_labels"));
  const std::string empty = make_file(dir / "empty.h5", [](hid_t) {});
  CHECK_THAT(open_error(empty), StartsWith("65 " + empty + ": no dataset /X; it holds no datasets"));
}

TEST_CASE("hdf5: what is no table of numbers is refused") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    put(file, "/one", {3}, {1, 2, 3});
    put(file, "/three", {3, 1, 2}, kRows);
    put(file, "/no_rows", {0, 2}, {});
    put(file, "/no_columns", {2, 0}, {});
    put_empty(file, "/scalar", H5T_NATIVE_DOUBLE, Handle(H5Screate(H5S_SCALAR)));
    put_empty(file, "/null", H5T_NATIVE_DOUBLE, Handle(H5Screate(H5S_NULL)));
    const Handle fixed(H5Tcopy(H5T_C_S1)), variable(H5Tcopy(H5T_C_S1));
    H5Tset_size(fixed, 4);
    H5Tset_size(variable, H5T_VARIABLE);
    put_empty(file, "/fixed", fixed, space_of({2, 2}));
    put_empty(file, "/variable", variable, space_of({2}));
    const Handle complex(H5Tcreate(H5T_COMPOUND, 16)), record(H5Tcreate(H5T_COMPOUND, 16));
    H5Tinsert(complex, "r", 0, H5T_NATIVE_DOUBLE);
    H5Tinsert(complex, "i", 8, H5T_NATIVE_DOUBLE);
    H5Tinsert(record, "a", 0, H5T_NATIVE_DOUBLE);
    H5Tinsert(record, "b", 8, H5T_NATIVE_INT64);
    put_empty(file, "/complex", complex, space_of({2, 2}));
    put_empty(file, "/record", record, space_of({2}));
    put_empty(file, "/opaque", Handle(H5Tcreate(H5T_OPAQUE, 3)), space_of({2, 2}));
    put_empty(file, "/long", H5T_NATIVE_LDOUBLE, space_of({2, 2}));
  });
  const auto check = [&](const std::string& name, const std::string& problem) {
    CHECK_THAT(open_error(path + ":" + name), StartsWith("65 " + path + ":" + name + " " + problem));
  };
  check("/one",
        "has 1 dimension (3): a table (N rows x d columns) is needed: for N rows of one column, store "
        "X.reshape");
  check("/three", "has 3 dimensions (3 x 1 x 2)");
  check("/no_rows", "has 0 rows (0 x 2)");
  check("/no_columns", "has 0 columns (2 x 0)");
  check("/scalar", "was never written");
  check("/null", "has 0 rows");
  check("/fixed", "holds strings");
  check("/variable", "holds strings");
  check("/complex", "holds complex numbers");
  check("/record", "was never written");
  check("/opaque", "holds values of an HDF5 type that are not numbers");
  check("/long", "holds 16-byte floats");
}

TEST_CASE("hdf5: columns of one or two dimensions") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    put(file, "/sample_weight", {3}, {1, 0, 2}, H5T_NATIVE_INT64);
    put(file, "/column", {3, 1}, {1, 0, 2});
    put(file, "/X", {3, 2}, kRows);
  });
  const auto column = [&](const std::string& spec) {
    return all_rows(*open_column(test_world(), spec, "/sample_weight", "sample weights"));
  };
  CHECK(column(path) == std::vector<double>{1, 0, 2});
  CHECK(column(path + ":/column") == std::vector<double>{1, 0, 2});
  CHECK_THAT(
      error_of([&] { column(path + ":/X"); }),
      StartsWith("65 sample weights " + path + ":/X has 2 columns (3 x 2): one number per row is needed"));
}

TEST_CASE("hdf5: truncated and damaged files are refused") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) { put(file, "/X", {3, 2}, kRows); });
  const std::string sound = read_file(path);
  for (const std::size_t length : {std::size_t{8}, std::size_t{100}, sound.size() - 1}) {
    CAPTURE(length);
    CHECK_THAT(open_error(write_file(path, sound.substr(0, length))),
               StartsWith("65 " + path + ": not a sound HDF5 file (") && !Contains("gives no reason"));
  }
  const std::string behind = write_file(dir / "b.h5", sound);
  on_root([&] {  // a chunk that cannot be unpacked
    const Handle file = create_hdf5(behind);
    put(file, "/X", {3, 2}, kRows, H5T_NATIVE_DOUBLE, {3, 2}, true);
    const std::array<char, 4> garbage{'j', 'u', 'n', 'k'};
    const std::array<hsize_t, 2> origin{0, 0};
    const Handle dataset(H5Dopen2(file, "/X", H5P_DEFAULT));
    REQUIRE(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, origin.data(), garbage.size(), garbage.data()) >= 0);
  });
  CHECK_THAT(open_error(behind), StartsWith("74 " + behind + ":/X: rows 0 to 2 cannot be read ("));
}

TEST_CASE("hdf5: a filter that is not there is named when the file is opened") {
  const TemporaryDirectory dir;
  constexpr H5Z_filter_t id = 300;
  const H5Z_class2_t filter{
      H5Z_CLASS_T_VERS,
      id,
      1,
      1,
      "shrink",
      nullptr,
      nullptr,
      [](unsigned, std::size_t, const unsigned*, std::size_t n, std::size_t*, void**) { return n; }};
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) {
    REQUIRE(H5Zregister(&filter) >= 0);
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    const std::array<hsize_t, 2> chunk{2, 2};
    H5Pset_chunk(creation, 2, chunk.data());
    H5Pset_filter(creation, id, 0, 0, nullptr);
    REQUIRE(Handle(
        H5Dcreate2(file, "X", H5T_NATIVE_DOUBLE, space_of({4, 2}), H5P_DEFAULT, creation, H5P_DEFAULT)));
  });
  on_root([&] { REQUIRE(H5Zunregister(id) >= 0); });
  CHECK_THAT(open_error(path),
             StartsWith("65 " + path + ":/X is compressed with a filter") && Contains("shrink, id 300"));
}

TEST_CASE("hdf5: a lock that somebody holds does not keep from reading") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) { put(file, "/X", {3, 2}, kRows); });
  const FileDescriptor holder(::open(path.c_str(), O_RDONLY));
  on_root([&] { REQUIRE(::flock(holder.get(), LOCK_EX) == 0); });
  CHECK(all_rows(path) == kRows);
  test_world().barrier();
}

TEST_CASE("hdf5: a file that somebody else has open, and one behind a user block, can be read") {
  const TemporaryDirectory dir;
  const std::string path = make_file(dir / "a.h5", [&](hid_t file) { put(file, "/X", {3, 2}, kRows); });
  const Handle other(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  CHECK(all_rows(path) == kRows);
  std::string bytes = read_file(path);
  write_file(dir / "b.h5", std::string(2048, ' ') + bytes);
  CHECK(all_rows(dir / "b.h5") == kRows);
}
