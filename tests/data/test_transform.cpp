// Transform and TransformedReader: against plain sums, the way back, and reading in pieces.
// covers: src/data/transformed_reader.cpp
#include "gmmpi/data/transform.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/data/transformed_reader.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Transform;
using gmmpi::TransformedReader;
using Direction = TransformedReader::Direction;

/// Two of three axes, turned by an angle with cosine 0.6.
Transform projection() {
  return {{10, -20, 30}, {0.6, 0, 0.8, 0, 1, 0}, {2, 0.5}};
}

Transform scaling() {
  return {{1e9, 5}, {}, {4, 0.25}};
}

std::unique_ptr<TransformedReader> reader(const std::vector<double>& rows, int d, const Transform& t,
                                          Direction direction = Direction::apply, bool any_numbers = false) {
  return std::make_unique<TransformedReader>(std::make_unique<in_memory::VectorReader>(rows, d), t, direction,
                                             any_numbers, "p.h5");
}

std::string problem(const std::vector<double>& rows, int d, const Transform& t, Direction direction) {
  try {
    std::vector<double> out(100);
    reader(rows, d, t, direction)->read(0, static_cast<gmmpi::Index>(rows.size()) / d, out.data());
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::bad_data);
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("Transform: columns are centred and divided", "[serial]") {
  std::vector<double> y(4), x(4);
  scaling().apply(std::vector<double>{1e9 + 2, 5, 1e9 - 4, 6}, y);
  CHECK(y == std::vector<double>{0.5, 0, -1, 4});
  scaling().invert(y, x);
  CHECK(x == std::vector<double>{1e9 + 2, 5, 1e9 - 4, 6});
}

TEST_CASE("Transform: a projection, and back to the nearest point of its subspace", "[serial]") {
  std::vector<double> y(4), x(6);
  projection().apply(std::vector<double>{11, -19, 32, 10, -20, 30}, y);
  CHECK(y[0] == Approx((0.6 * 1 + 0.8 * 2) / 2).epsilon(1e-15));
  CHECK(y[1] == 2.0);
  CHECK(y[2] == 0.0);
  projection().invert(y, x);
  const double along = 0.6 * 1 + 0.8 * 2;  // what is at a right angle to both components is lost
  CHECK(x[0] == Approx(10 + 0.6 * along).epsilon(1e-15));
  CHECK(x[1] == -19.0);
  CHECK(x[2] == Approx(30 + 0.8 * along).epsilon(1e-15));
  CHECK(std::vector<double>(x.begin() + 3, x.end()) == std::vector<double>{10, -20, 30});
}

TEST_CASE("Transform: its volume is that of its scales", "[serial]") {
  CHECK(gmmpi::log_volume(scaling(), gmmpi::select_kernels()) == Approx(0.0).margin(1e-15));
  const Transform t{{0, 0}, {}, {3, 5}};
  CHECK(gmmpi::log_volume(t, gmmpi::select_kernels()) == Approx(-std::log(15.0)).epsilon(1e-15));
}

TEST_CASE("TransformedReader: the same bits in whatever pieces it is read", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(30000, 3, 2, 4.0, 1);
  const auto whole = reader(rows, 3, projection()), parts = reader(rows, 3, projection());
  CHECK(whole->n_columns() == 2);
  CHECK(whole->n_rows() == 30000);
  std::vector<double> a(60000), b(60000);
  whole->read(0, 30000, a.data());
  for (gmmpi::Index row = 0, n = 1; row < 30000; row += n, n = std::min<gmmpi::Index>(2 * n + 1, 30000 - row))
    parts->read(row, n, b.data() + 2 * row);
  CHECK(in_memory::same_bits(a, b));
  std::vector<double> expected(60000);
  projection().apply(rows, expected);
  CHECK(in_memory::same_bits(a, expected));
}

TEST_CASE("TransformedReader: held and streamed rows have the same fingerprint, on any ranks", "[mpi]") {
  const std::vector<double> rows = in_memory::clusters(5000, 3, 2, 4.0, 1);
  std::vector<double> y(10000);
  projection().apply(rows, y);
  const auto expected = in_memory::make_data(in_memory::alone(), y, 2).summary().fingerprint;
  const auto execution = in_memory::on(test_world(), 2);
  const auto held = reader(rows, 3, projection()), streamed = reader(rows, 3, projection());
  CHECK(gmmpi::MemoryData(execution, *held, nullptr).summary().fingerprint == expected);
  CHECK(gmmpi::StreamData(execution, *streamed, nullptr, 1 << 14).summary().fingerprint == expected);
}

TEST_CASE("TransformedReader: says which number of the file is not finite", "[serial]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(problem({1, 2, 3, 4, 5, nan}, 3, projection(), Direction::apply),
             Catch::Contains("row 1, column 2 is NaN"));
  std::vector<double> out(4);
  reader({1, 2, 3, 4, 5, nan}, 3, projection(), Direction::apply, true)->read(0, 2, out.data());
  CHECK(std::isfinite(out[0]));
  CHECK(std::isnan(out[2]));
}

TEST_CASE("TransformedReader: refuses tables with other columns", "[serial]") {
  CHECK_THAT(problem({1, 2}, 2, projection(), Direction::apply),
             Catch::Contains("2 columns, but p.h5 is for 3"));
  CHECK_THAT(problem({1, 2, 3}, 3, projection(), Direction::invert), Catch::Contains("is for 2 columns"));
}
