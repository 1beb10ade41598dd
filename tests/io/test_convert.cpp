// Tests of conversions between data formats.
#include "gmmpi/io/convert.hpp"

#include <cmath>

#include "hdf5_support.hpp"
#include "io/hdf5_values.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

TEST_CASE("convert: numbers and names go round through all formats") {
  const TemporaryDirectory dir;
  const std::string csv =
      write_file(dir / "a.csv",
                 "x,\"a, b\",\"3\"\n0.1,-1e-300,4.9406564584124654e-324\n0.30000000000000004,1e23,-0\ninf,2,3\n");
  convert(test_world(), csv, dir / "b.h5");
  convert(test_world(), dir / "b.h5", dir / "c.csv");
  convert(test_world(), dir / "c.csv", dir / "d.npy");
  convert(test_world(), dir / "d.npy", dir / "e.hdf5:/group/data");
  const std::vector<double> values = all_rows(csv);
  const std::vector<std::string> names{"x", "a, b", "3"};
  for (const char* name : {"b.h5", "c.csv"}) {
    const auto reader = open_data(test_world(), dir / name);
    CHECK(all_rows(*reader) == values);
    CHECK(reader->feature_names() == names);
  }
  CHECK(all_rows(dir / "d.npy") == values);
  CHECK(all_rows(dir / "e.hdf5:/group/data") == values);
  CHECK(read_file(dir / "c.csv") ==
        "x,\"a, b\",\"3\"\n0.1,-1e-300,5e-324\n0.30000000000000004,1e+23,-0\ninf,2,3\n");
  CHECK(h5::read_attribute<std::string>(h5::open_file(dir / "b.h5", ""), "filetype") == "gmmpi-data");
  CHECK(dir.n_entries() == 5);
}

TEST_CASE("convert: many rows, by all ranks") {
  const TemporaryDirectory dir;
  constexpr Index n = 700000;
  const std::string npy = dir / "a.npy";
  on_root([&] {
    std::ofstream out(dir / "start.csv");
    for (Index i = 0; i < n; ++i) out << i << ',' << i % 1013 << '\n';
  });
  convert(test_world(), dir / "start.csv", npy);
  convert(test_world(), npy, dir / "b.h5");
  convert(test_world(), dir / "b.h5", dir / "c.csv");
  const std::vector<double> rows = all_rows(dir / "b.h5");
  REQUIRE(rows.size() == 2 * n);
  Index wrong = 0;
  for (Index i = 0; i < n; ++i)
    wrong += rows[static_cast<std::size_t>(2 * i)] != static_cast<double>(i) ||
             rows[static_cast<std::size_t>(2 * i + 1)] != static_cast<double>(i % 1013);
  CHECK(wrong == 0);
  CHECK((read_file(dir / "c.csv").size() > 0));
  CHECK((all_rows(dir / "c.csv") == rows));
}

TEST_CASE("convert: float32 stays float32, and its digits in csv are those of the double") {
  const TemporaryDirectory dir;
  on_root([&] {
    const h5::Handle file = create_hdf5(dir / "a.h5");
    const hsize_t dims[2] = {2, 1};
    const h5::Handle space(H5Screate_simple(2, dims, nullptr));
    const h5::Handle dataset(
        H5Dcreate2(file, "X", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const float values[2] = {0.1f, 1.0f};
    H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  });
  const std::vector<double> values{static_cast<double>(0.1f), 1};
  convert(test_world(), dir / "a.h5", dir / "b.npy");
  convert(test_world(), dir / "b.npy", dir / "c.h5");
  convert(test_world(), dir / "c.h5", dir / "d.csv");
  CHECK(open_data(test_world(), dir / "b.npy")->element() == ElementType::f4);
  CHECK(open_data(test_world(), dir / "c.h5")->element() == ElementType::f4);
  for (const char* name : {"b.npy", "c.h5", "d.csv"}) CHECK(all_rows(dir / name) == values);
}

TEST_CASE("convert: weights and labels of an HDF5 file come along") {
  const TemporaryDirectory dir;
  const std::vector<double> X{1, 2, 3, 4}, weights{0.5, 2};
  const std::vector<std::int64_t> labels{1, 0};
  const auto make = [&](const std::string& path, const std::vector<double>& w) {
    on_root([&] {
      const h5::Handle file = create_hdf5(path);
      h5::write_dataset(file, "/X", X, std::vector<Index>{2, 2});
      h5::write_dataset(file, "/sample_weight", w, std::vector<Index>{static_cast<Index>(w.size())});
      h5::write_dataset(file, "/labels", labels, std::vector<Index>{2});
    });
    return path;
  };
  convert(test_world(), make(dir / "a.h5", weights), dir / "b.h5");
  CHECK(all_rows(dir / "b.h5") == X);
  CHECK(all_rows(*open_column(test_world(), dir / "b.h5", "/sample_weight", "weights")) == weights);
  CHECK(all_rows(*open_column(test_world(), dir / "b.h5", "/labels", "labels")) == std::vector<double>{1, 0});
  const std::string wrong = make(dir / "c.h5", {1, 2, 3});
  CHECK_THAT(error_of([&] { convert(test_world(), wrong, dir / "d.h5"); }),
             StartsWith("65 " + wrong + ":/X has 2 rows, but " + wrong + ":/sample_weight has 3"));
  CHECK(dir.n_entries() == 3);
}

TEST_CASE("convert: an error leaves nothing half-written") {
  const TemporaryDirectory dir;
  const std::string bad = write_file(dir / "bad.csv", "1,2\n3,x\n");
  const auto error = [&](const std::string& in, const std::string& out) {
    return error_of([&] { convert(test_world(), in, out); });
  };
  for (const char* name : {"out.h5", "out.npy", "out.csv"})
    CHECK_THAT(error(bad, dir / name), StartsWith("65 " + bad + ": row 1 (line 2), column 1"));
  CHECK_THAT(error(bad, dir / "out.xlsx"),
             StartsWith("64 " + (dir / "out.xlsx") + ": its name does not say"));
  CHECK_THAT(error(bad, dir / "out.csv:/X"), StartsWith("64 "));
  CHECK_THAT(error(dir / "none.csv", dir / "out.h5"), StartsWith("66 "));
  CHECK_THAT(error(write_file(dir / "good.csv", "1,2\n"), dir / "no/out.h5"), StartsWith("73 "));
  CHECK(dir.n_entries() == 2);
}
