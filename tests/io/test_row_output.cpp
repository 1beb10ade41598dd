// Tests of HDF5 outputs that all ranks write at once.
#include "gmmpi/io/row_output.hpp"

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
