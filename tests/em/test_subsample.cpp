// The subsample that a pilot fit runs on.
#include <catch2/catch.hpp>
#include <numeric>

#include "em/subsample.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::on;

/// Rows 0, 1, 2, ... of one column.
std::vector<double> numbers(int n_rows) {
  std::vector<double> rows(n_rows);
  std::iota(rows.begin(), rows.end(), 0.0);
  return rows;
}

/// All rows of a subsample and their weights, from whichever rank holds them.
std::pair<std::vector<double>, std::vector<double>> content(const gmmpi::Execution& execution,
                                                            const gmmpi::Data& data) {
  std::vector<double> rows, weights;
  for (gmmpi::Index n = data.grid().first_row(data.first_block());
       n < data.grid().first_row(data.last_block()); ++n) {
    rows.push_back(data.row(n)[0]);
    weights.push_back(data.weight(n));
  }
  return {execution.comm.all_gather(std::span<const double>(rows)),
          execution.comm.all_gather(std::span<const double>(weights))};
}

}  // namespace

TEST_CASE("subsample: one row out of every eight, with its weight, not always the same one", "[mpi]") {
  const int N = 80'000;
  std::vector<double> weights;
  for (int n = 0; n < N; ++n) weights.push_back(n % 5 == 0 ? 0.0 : n + 1.0);
  std::vector<double> first_rows;
  for (const int n_threads : {1, 2, 3}) {
    const auto execution = on(test_world(), n_threads);
    const auto data = in_memory::make_data(execution, numbers(N), 1, weights);
    const auto sample = gmmpi::subsample(execution, data, 4, 400, 11);
    REQUIRE(sample);
    const auto [rows, kept] = content(execution, *sample);
    int places[8] = {};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const int row = static_cast<int>(rows[i]);
      CHECK(kept[i] == weights[row]);
      CHECK(kept[i] > 0.0);
      CHECK((i == 0 || row / 8 > static_cast<int>(rows[i - 1]) / 8));
      ++places[row % 8];
    }
    CHECK(rows.size() > 7700);  // 10000 groups, a fifth of the rows have no weight
    CHECK(rows.size() < 8300);
    for (const int n : places) CHECK(n > 800);
    if (first_rows.empty()) first_rows = rows;
    CHECK(rows == first_rows);
    const auto other = gmmpi::subsample(execution, data, 4, 400, 12);
    REQUIRE(other);
    CHECK(content(execution, *other).first != rows);
  }
}

TEST_CASE("subsample: none of few rows, for many components, or of rows that are all the same", "[mpi]") {
  const auto execution = on(test_world());
  const auto drawn = [&](const std::vector<double>& rows, int K) {
    return gmmpi::subsample(execution, in_memory::make_data(execution, rows, 1), K, 100 * K, 1) != nullptr;
  };
  CHECK(drawn(numbers(40'000), 50));
  CHECK_FALSE(drawn(numbers(40'000), 51));
  CHECK_FALSE(drawn(numbers(32'000), 2));
  std::vector<double> same(40'000, 3.0);
  same[7] = 4.0;
  same[99] = 5.0;
  CHECK_FALSE(drawn(same, 3));
  std::vector<double> weights(40'000, 0.0);
  std::fill_n(weights.begin(), 20'000, 1.0);
  const auto few = in_memory::make_data(execution, numbers(40'000), 1, weights);
  CHECK(gmmpi::subsample(execution, few, 2, 200, 1) == nullptr);
}

TEST_CASE("subsample: what is needed for it is bounded, whatever the data", "[serial]") {
  CHECK(gmmpi::subsample_bytes(1'000, 10, 300) == 0);
  CHECK(gmmpi::subsample_bytes(100'000, 10, 300) == 3 * 8 * 12'501 * 11);
  for (const gmmpi::Index n_rows : {1'000'000LL, 1'000'000'000LL, 1'000'000'000'000LL}) {
    CHECK(gmmpi::subsample_bytes(n_rows, 40, 300) > 0);
    CHECK(gmmpi::subsample_bytes(n_rows, 40, 300) < 52.5e6);
  }
}
