// Tests of files of rows that all ranks write at once.
// covers: src/data/row_sink.cpp, src/io/row_encoder.cpp, src/io/row_file.cpp
#include "gmmpi/io/row_output.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <sstream>

#include "io/hdf5_values.hpp"
#include "io_support.hpp"

using namespace gmmpi;
using namespace io_test;

namespace {

const std::vector<Attribute> kAttributes{{"filetype", "gmmpi-prediction"}};

}  // namespace

TEST_CASE("row output: every rank writes its own rows of every type") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out.h5";
  constexpr Index n = 1000, k = 3;
  const BlockGrid grid(n);
  const int rank = test_world().rank(), size = test_world().size();
  using Type = OutputColumn::Type;
  RowOutput out(
      test_world(), path, n,
      {{"/labels", Type::i4, 0}, {"/g/resp", Type::f8, k}, {"/log", Type::f4, 0}, {"/id", Type::i8, 1}},
      kAttributes);
  for (Index row = grid.first_row_of_rank(rank, size); row < grid.first_row_of_rank(rank + 1, size); ++row) {
    const auto label = static_cast<std::int32_t>(row % 7);
    const std::vector<double> resp{row + 0.25, row + 0.5, row + 0.75};
    const float log = -static_cast<float>(row);
    const std::int64_t id = row << 40;
    out.write(0, row, 1, &label);
    out.write(1, row, 1, resp.data());
    out.write(2, row, 1, &log);
    out.write(3, row, 1, &id);
  }
  CHECK_FALSE(std::filesystem::exists(path));
  out.commit();
  const h5::Handle file = h5::open_file(path, path);
  std::vector<Index> labels_shape, resp_shape, id_shape;
  const auto labels = h5::read_dataset<std::int64_t>(file, "/labels", &labels_shape);
  const auto resp = h5::read_dataset<double>(file, "/g/resp", &resp_shape);
  const auto log = h5::read_dataset<double>(file, "/log");
  const auto id = h5::read_dataset<std::int64_t>(file, "/id", &id_shape);
  CHECK(labels_shape == std::vector<Index>{n});
  CHECK(resp_shape == std::vector<Index>{n, k});
  CHECK(id_shape == std::vector<Index>{n, 1});
  Index wrong = 0;
  for (std::size_t row = 0; row < n; ++row) {
    wrong += labels[row] != static_cast<std::int64_t>(row % 7);
    for (std::size_t j = 0; j < k; ++j)
      wrong += resp[k * row + j] != static_cast<double>(row) + 0.25 * static_cast<double>(j + 1);
    wrong += log[row] != -static_cast<double>(row);
    wrong += id[row] != static_cast<std::int64_t>(row) << 40;
  }
  CHECK(wrong == 0);
  CHECK(h5::read_attribute<std::string>(file, "filetype") == "gmmpi-prediction");
  CHECK(h5::read_attribute<std::int64_t>(file, "format_version") == 1);
  CHECK(h5::read_attribute<std::string>(file, "gmmpi_version") == GMMPI_VERSION);
}

TEST_CASE("row output: three dimensions, and attributes that are numbers") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out.h5";
  constexpr Index n = 200, t = 3;
  const BlockGrid grid(n);
  RowOutput out(test_world(), path, n, {{"/before"}, {"/matrix", OutputColumn::Type::f8, t, t}, {"/after"}},
                {{"filetype", "gmmpi-prediction"}, {"threshold", -7.125}});
  const int rank = test_world().rank(), size = test_world().size();
  for (Index row = grid.first_row_of_rank(rank, size); row < grid.first_row_of_rank(rank + 1, size); ++row) {
    std::vector<double> matrix(t * t);
    for (Index e = 0; e < t * t; ++e) matrix[e] = static_cast<double>(row * 100 + e);
    const auto number = static_cast<double>(row);
    out.write(0, row, 1, &number);
    out.write(1, row, 1, matrix.data());
    out.write(2, row, 1, &number);
  }
  out.commit();
  const h5::Handle file = h5::open_file(path, path);
  std::vector<Index> shape;
  const auto matrices = h5::read_dataset<double>(file, "/matrix", &shape);
  CHECK(shape == std::vector<Index>{n, t, t});
  Index wrong = 0;
  for (Index i = 0; i < n * t * t; ++i) wrong += matrices[i] != static_cast<double>(i / 9 * 100 + i % 9);
  CHECK(wrong == 0);
  CHECK(h5::read_dataset<double>(file, "/before") == h5::read_dataset<double>(file, "/after"));
  CHECK(h5::read_attribute<double>(file, "threshold") == -7.125);
}

TEST_CASE("row output: given up, it leaves nothing") {
  const TemporaryDirectory dir;
  { const RowOutput out(test_world(), dir / "out.h5", 10, {{"/labels"}}, kAttributes); }
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("row output: places where no file can be made") {
  const TemporaryDirectory dir;
  const auto error = [&](const std::string& path, const std::string& dataset) {
    return error_of([&] { RowOutput(test_world(), path, 10, {{"/a"}, {dataset}}, kAttributes); });
  };
  CHECK_THAT(error(dir / "no/out.h5", "/labels"),
             StartsWith("73 " + (dir / "no/out.h5") + ": cannot be created"));
  CHECK_THAT(error(dir / "out.h5", "/a"),
             StartsWith("74 " + (dir / "out.h5") + ": dataset /a cannot be created ("));
  CHECK(dir.n_entries() == 0);
}

TEST_CASE("row output: a disk that is full, before the header or behind it") {
  const TemporaryDirectory dir;
  const std::vector<double> row(1000);
  for (const rlim_t limit_bytes : {rlim_t{100}, rlim_t{1} << 20}) {
    const std::string path = dir / "out.h5";
    std::string error;
    {
      const FileSizeLimit limit(limit_bytes);
      error = error_of([&] {
        RowOutput(test_world(), path, 1000, {{"/a", OutputColumn::Type::f8, 1000}}, kAttributes);
      });
    }
    CHECK_THAT(error, StartsWith("74 " + path + ": "));
    CHECK(dir.n_entries() == 0);
  }
}

TEST_CASE("row output: rows that nobody wrote are zero, and no rows are fine") {
  const TemporaryDirectory dir;
  for (const Index n : {Index{0}, Index{5000}}) {
    RowOutput out(test_world(), dir / "out.h5", n, {{"/a", OutputColumn::Type::f8, 3}, {"/b"}}, kAttributes);
    out.commit();
    const h5::Handle file = h5::open_file(dir / "out.h5", "out.h5");
    CHECK((h5::read_dataset<double>(file, "/a") == std::vector<double>(static_cast<std::size_t>(3 * n))));
    CHECK((h5::read_dataset<double>(file, "/b") == std::vector<double>(static_cast<std::size_t>(n))));
    test_world().barrier();
  }
}

TEST_CASE("row output: csv has a line for each row, with all arrays side by side") {
  const TemporaryDirectory dir;
  const std::string path = dir / "out.csv";
  constexpr Index n = 40000;  // several pieces of several ranks
  const BlockGrid grid(n);
  const int rank = test_world().rank(), size = test_world().size();
  using Type = OutputColumn::Type;
  OutputColumn companion{"/labels", Type::i8, 0, 0, {"width"}};
  companion.is_companion = true;
  RowOutput out(test_world(), path, n,
                {{"/X", Type::f8, 2, 0, {"height", "width"}},
                 {"/cov", Type::f4, 1, 2},
                 {"/small", Type::u1, 0},
                 {"/narrow", Type::i2, 0},
                 companion},
                {{"filetype", "gmmpi-data"}});
  for (Index row = grid.first_row_of_rank(rank, size); row < grid.first_row_of_rank(rank + 1, size); ++row) {
    const std::vector<double> x{static_cast<double>(row) / 3, row % 2 ? -std::nan("") : 1e300};
    const std::vector<float> f{0.1f, static_cast<float>(row)};
    const auto small = static_cast<std::uint8_t>(row % 256);
    const auto narrow = static_cast<std::int16_t>(-row % 1000);
    const std::int64_t label = (std::int64_t{1} << 62) + row;
    const std::array<const void*, 5> values{x.data(), f.data(), &small, &narrow, &label};
    for (std::size_t i = values.size(); i-- > 0;) out.write(i, row, 1, values[i]);
  }
  CHECK(dir.n_entries() == 1);
  out.commit();
  CHECK(dir.n_entries() == 1);
  std::istringstream lines(read_file(path));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "height,width,cov0_0,cov0_1,small,narrow,width_");
  Index wrong = 0;
  for (Index row = 0; row < n; ++row) {
    std::getline(lines, line);
    wrong += line != fmt::format("{},{},0.10000000149011612,{},{},{},{}", static_cast<double>(row) / 3,
                                 row % 2 ? "nan" : "1e+300", row, row % 256, -row % 1000,
                                 (std::int64_t{1} << 62) + row);
  }
  CHECK(wrong == 0);
  CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("row output: npy is an array, or a structured one without companions") {
  const TemporaryDirectory dir;
  constexpr Index n = 1000;
  const BlockGrid grid(n);
  const int rank = test_world().rank(), size = test_world().size();
  using Type = OutputColumn::Type;
  OutputColumn companion{"/labels", Type::i8};
  companion.is_companion = true;
  const OutputColumn table{"/X", Type::f8, 2}, label{"/labels", Type::i4};
  const auto write = [&](const std::string& name, const std::vector<OutputColumn>& columns) {
    RowOutput out(test_world(), dir / name, n, columns, kAttributes);
    for (Index row = grid.first_row_of_rank(rank, size); row < grid.first_row_of_rank(rank + 1, size);
         ++row) {
      const std::vector<double> x{static_cast<double>(row), 0.5};
      const auto small = static_cast<std::int32_t>(row);
      const std::int64_t large = row;
      for (std::size_t i = 0; i < columns.size(); ++i)
        out.write(i, row, 1,
                  columns[i].name == "/X"       ? x.data()
                  : columns[i].type == Type::i4 ? static_cast<const void*>(&small)
                                                : &large);
    }
    out.commit();
    return read_file(dir / name);
  };
  const std::string plain = write("plain.npy", {table, companion}), labels = write("labels.npy", {label}),
                    both = write("both.npy", {label, table});
  CHECK_THAT(plain, Contains("'descr': '<f8', 'fortran_order': False, 'shape': (1000, 2,), }"));
  CHECK_THAT(labels, Contains("'descr': '<i4', 'fortran_order': False, 'shape': (1000,), }"));
  CHECK_THAT(
      both,
      Contains(
          "'descr': [('labels', '<i4'), ('X', '<f8', (2,))], 'fortran_order': False, 'shape': (1000,), }"));
  CHECK(plain.size() == 128 + 16 * n);
  CHECK(labels.size() == 128 + 4 * n);
  CHECK(both.size() % 64 == 20 * n % 64);
  Index wrong = 0;
  for (Index row = 0; row < n; ++row) {
    std::int32_t number = 0;
    std::array<double, 2> x{};
    const char* record = both.data() + both.size() - 20 * static_cast<std::size_t>(n - row);
    std::memcpy(&number, record, 4);
    std::memcpy(x.data(), record + 4, 16);
    wrong += number != row || x[0] != static_cast<double>(row) || x[1] != 0.5;
  }
  CHECK(wrong == 0);
  const auto reader = open_data(test_world(), dir / "plain.npy");
  CHECK(all_rows(*reader)[1998] == 999);
}

TEST_CASE("row output: other formats are refused, a full disk leaves nothing in any") {
  const TemporaryDirectory dir;
  const auto error = [&](const std::string& name) {
    return error_of([&] {
      const std::vector<double> row(1000, 1.5);
      RowOutput out(test_world(), dir / name, 1000, {{"/a", OutputColumn::Type::f8, 1000}, {"/b"}},
                    kAttributes);
      const BlockGrid grid(1000);
      test_world().together([&] {
        for (Index i = grid.first_row_of_rank(test_world().rank(), test_world().size());
             i < grid.first_row_of_rank(test_world().rank() + 1, test_world().size()); ++i) {
          out.write(0, i, 1, row.data());
          out.write(1, i, 1, row.data());
        }
      });
      out.commit();
    });
  };
  CHECK_THAT(error("out.parquet"), StartsWith("64 " + (dir / "out.parquet") + ": .parquet is not written"));
  CHECK_THAT(error("no/out.csv"), StartsWith("73 " + (dir / "no/out.csv") + ": cannot be created"));
  for (const char* name : {"out.csv", "out.npy"})
    for (const rlim_t bytes : {rlim_t{10}, rlim_t{10'000}, rlim_t{2'000'000}}) {
      const FileSizeLimit limit(bytes);
      CHECK_THAT(error(name), StartsWith("74 " + (dir / name) + ": cannot be written"));
    }
  CHECK(dir.n_entries() == 0);
}
