// sum_over_rows: weighted sums over all ranks, rounded once.
#include "data/row_sums.hpp"

#include <catch2/catch.hpp>

#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

using namespace gmmpi;

namespace {

/// 1000 rows of two whole numbers; of weights 0, 1 and 2.
struct Setting {
  std::vector<double> rows, weights;
  Setting() {
    for (int r = 0; r < 1000; ++r) {
      rows.push_back(r);
      rows.push_back(r % 7);
      weights.push_back(r % 3);
    }
  }
};

}  // namespace

TEST_CASE("sum_over_rows: each sum is that of weight times value, on any ranks and threads", "[mpi]") {
  const Setting s;
  double first = 0.0, product = 0.0;
  for (std::size_t r = 0; r < s.weights.size(); ++r) {
    first += s.weights[r] * s.rows[2 * r];
    product += s.weights[r] * s.rows[2 * r] * s.rows[2 * r + 1];
  }
  for (const int n_threads : {1, 3}) {
    const Execution execution = in_memory::on(test_world(), n_threads);
    const MemoryData data = in_memory::make_data(execution, s.rows, 2, s.weights);
    const std::vector<double> sums = sum_over_rows(execution, data, 2, [](const Tile& tile, double* values) {
      for (int r = 0; r < kTileRows; ++r) {
        values[r] = tile.xt()[r];
        values[kTileRows + r] = tile.xt()[r] * tile.xt()[kTileRows + r];
      }
    });
    CHECK(sums == std::vector<double>{first, product});
  }
}

TEST_CASE("sum_over_rows: what cancels leaves what remains", "[mpi]") {
  const Setting s;
  const Execution execution = in_memory::on(test_world());
  const MemoryData data = in_memory::make_data(execution, s.rows, 2);
  const std::vector<double> sums = sum_over_rows(execution, data, 1, [](const Tile& tile, double* values) {
    for (int r = 0; r < kTileRows; ++r) {
      const Index row = tile.row(r);
      values[r] = row == 0 ? 1e200 : row == 999 ? -1e200 : row == 500 ? 0.25 : 0.0;
    }
  });
  CHECK(sums == std::vector<double>{0.25});
}

TEST_CASE("sum_over_rows: an error in the work of one rank is thrown by all", "[mpi]") {
  const Setting s;
  const Execution execution = in_memory::on(test_world());
  const MemoryData data = in_memory::make_data(execution, s.rows, 2);
  CHECK_THROWS_AS(sum_over_rows(execution, data, 1,
                                [](const Tile& tile, double*) {
                                  if (tile.row(0) == 0)
                                    throw Error(ExitCode::numerical, "row 0; leave it out");
                                }),
                  Error);
}
