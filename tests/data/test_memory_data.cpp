// In-memory data: ownership, checks, summary and fingerprint, distinct rows.
// covers: src/data/reading.cpp, src/data/summary.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::DataSummary;
using gmmpi::ElementType;
using gmmpi::Index;
using in_memory::alone;
using in_memory::make_data;
using in_memory::on;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_same(const DataSummary& a, const DataSummary& b) {
  CHECK(a.n_rows == b.n_rows);
  CHECK(a.total_weight == b.total_weight);
  CHECK(a.max_weight == b.max_weight);
  CHECK(a.minimum == b.minimum);
  CHECK(a.maximum == b.maximum);
  CHECK(a.fingerprint == b.fingerprint);
}

/// The Error 65 that reading throws on the execution.
std::string problem(const gmmpi::Execution& execution, const std::vector<double>& rows, int d,
                    const std::vector<double>& weights = {}, ElementType element = ElementType::f8) {
  try {
    make_data(execution, rows, d, weights, element);
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::bad_data);
    return e.what();
  }
  return "none";
}

std::vector<double> quarters(std::int64_t n) {
  std::vector<double> weights;
  for (std::int64_t i = 0; i < n; ++i) weights.push_back(0.25 * double(i % 5));
  return weights;
}

}  // namespace

TEST_CASE("MemoryData: ranks hold the rows and weights of their blocks, once each", "[mpi]") {
  for (const Index n : {1, 50, 300, 5000}) {
    const std::vector<double> rows = in_memory::clusters(n, 3, 1, 0.0, 1), weights = quarters(n + 1);
    const auto data = make_data(on(test_world(), 2), rows, 3, std::span(weights).subspan(1));
    std::vector<std::int64_t> count(n);
    bool same = true;
    data.for_each_block(on(test_world(), 1), [&](const gmmpi::Block& block, int) {
      for (Index r = 0; r < block.n_rows; ++r) {
        const Index row = block.first_row + r;
        ++count[row];
        for (int j = 0; j < 3; ++j)
          same = same && std::get<const double*>(block.rows)[3 * r + j] == rows[3 * row + j];
        same = same && block.weights[r] == weights[row + 1] && data.weight(row) == weights[row + 1];
        same =
            same && data.row(row) == std::vector<double>(rows.begin() + 3 * row, rows.begin() + 3 * row + 3);
      }
    });
    CHECK(same);
    test_world().sum(count);
    CHECK(count == std::vector<std::int64_t>(n, 1));
  }
}

TEST_CASE("summary: what it says of the rows is so", "[serial]") {
  const std::vector<double> rows = {1, -5, 3, 7, 100, -100, 2, 0};
  const DataSummary s = make_data(alone(), rows, 2, std::vector<double>{0.5, 2.0, 0.0, 1.0}).summary();
  CHECK(s.n_rows == 3);
  CHECK(s.total_weight == 3.5);
  CHECK(s.max_weight == 2.0);
  CHECK(s.minimum == std::vector<double>{1, -5});
  CHECK(s.maximum == std::vector<double>{3, 7});
  CHECK(make_data(alone(), rows, 2).summary().total_weight == 4.0);
}

TEST_CASE("summary: the total weight is the sum of the weights rounded once, however small they are",
          "[serial]") {
  const std::vector<double> rows(3000, 1.0);
  for (const double w : {1e-300, 1e-30, 1e-17, 1e-6, 0.1, 0.3, 1.0, 3.7, 1e30}) {
    INFO("weights " << w);
    const DataSummary s = make_data(alone(), rows, 1, std::vector<double>(3000, w)).summary();
    CHECK(s.total_weight == static_cast<double>(3000.0L * w));
  }
}

TEST_CASE("summary: it is the same on any ranks and threads, as float32 and float64", "[mpi]") {
  for (const Index n : {1, 50, 5000}) {
    std::vector<double> rows = in_memory::clusters(n, 3, 1, 0.0, 2);
    for (double& x : rows) x = static_cast<double>(static_cast<float>(x));
    std::vector<double> weights(n, 0.3);
    weights[n / 2] = 1e-3;
    for (const bool weighted : {false, true}) {
      const std::vector<double> used = weighted ? weights : std::vector<double>();
      const auto expected = make_data(alone(), rows, 3, used).summary();
      for (const int n_threads : {1, 2, 3})
        for (const ElementType element : {ElementType::f4, ElementType::f8})
          check_same(expected, make_data(on(test_world(), n_threads), rows, 3, used, element).summary());
    }
  }
}

TEST_CASE("fingerprint: one changed bit, weight or pair of swapped rows shows, rows of weight zero do not",
          "[serial]") {
  const std::vector<double> rows = in_memory::clusters(500, 2, 1, 0.0, 3);
  const std::vector<double> weights = quarters(500);
  const auto print = [&](const std::vector<double>& x, const std::vector<double>& w, int d = 2) {
    return make_data(alone(), x, d, w).summary().fingerprint;
  };
  const std::string plain = print(rows, {}), weighted = print(rows, weights);
  CHECK(plain.size() == 32);
  CHECK(plain == print(rows, std::vector<double>(500, 1.0)));
  CHECK(plain != weighted);
  for (const std::size_t e : {0, 499, 999}) {
    std::vector<double> changed = rows;
    changed[e] = std::nextafter(changed[e], 10.0);
    CHECK(print(changed, {}) != plain);
  }
  std::vector<double> swapped = rows, blocks = rows, hidden = rows, other = weights;
  std::swap_ranges(swapped.begin(), swapped.begin() + 2, swapped.begin() + 2);
  CHECK(print(swapped, {}) != plain);
  std::swap_ranges(blocks.begin(), blocks.begin() + 128, blocks.begin() + 128);  // two whole blocks
  CHECK(print(blocks, {}) != plain);
  hidden[2 * 5] = kNaN;  // weight 0
  CHECK(print(hidden, weights) == weighted);
  other[1] += 1.0;
  CHECK(print(rows, other) != weighted);
}

TEST_CASE("MemoryData: the first NaN or infinity is named by row and column, on all ranks", "[mpi]") {
  for (const ElementType element : {ElementType::f4, ElementType::f8}) {
    std::vector<double> rows(3 * 700, 1.0);
    rows[3 * 650 + 2] = kNaN;
    CHECK(problem(on(test_world(), 2), rows, 3, {}, element).starts_with("rows: row 650, column 2 is NaN"));
    rows[3 * 130 + 1] = -HUGE_VAL;
    rows[3 * 130 + 2] = kNaN;
    rows[3 * 131] = kNaN;
    CHECK(problem(on(test_world(), 3), rows, 3, {}, element)
              .starts_with("rows: row 130, column 1 is infinite"));
  }
}

TEST_CASE("MemoryData: rows of weight zero may hold anything", "[mpi]") {
  std::vector<double> rows(2 * 300, 1.0), weights(300, 1.0);
  rows[2 * 200] = kNaN;
  rows[2 * 200 + 1] = HUGE_VAL;
  weights[200] = 0.0;
  const auto data = make_data(on(test_world(), 2), rows, 2, weights);
  CHECK(data.summary().n_rows == 299);
  CHECK(data.summary().maximum == std::vector<double>{1.0, 1.0});
}

TEST_CASE("MemoryData: weights that make no sense are refused with their row", "[mpi]") {
  const std::vector<double> rows(2 * 300, 1.0);
  const auto with = [&](double w) {
    std::vector<double> weights(300, 1.0);
    weights[222] = w;
    return problem(on(test_world()), rows, 2, weights);
  };
  CHECK(with(-1.0).find("weights: the weight of row 222 is negative") == 0);
  CHECK(with(kNaN).find("row 222 is NaN") != std::string::npos);
  CHECK(with(HUGE_VAL).find("row 222 is infinite") != std::string::npos);
  CHECK(with(-0.0) == "none");
  CHECK(
      problem(on(test_world()), rows, 2, std::vector<double>(299, 1.0)).find("299 sample weights for 300") !=
      std::string::npos);
  CHECK(
      problem(on(test_world()), rows, 2, std::vector<double>(300, 0.0)).find("every sample weight is zero") !=
      std::string::npos);
}

TEST_CASE("MemoryData: a column too large to be squared is refused, also one that is constant", "[mpi]") {
  std::vector<double> rows(2 * 300, 1.0);
  for (const double x : {-1e141, 1e160}) {
    rows[2 * 299 + 1] = x;
    CHECK(problem(on(test_world()), rows, 2).find("column 1 holds numbers beyond 1e140") !=
          std::string::npos);
  }
  rows[2 * 299 + 1] = -1e139;
  CHECK(problem(on(test_world()), rows, 2) == "none");
  for (std::size_t e = 1; e < rows.size(); e += 2) rows[e] = 1e150;
  CHECK(problem(on(test_world()), rows, 2).find("column 1 holds numbers beyond 1e140") != std::string::npos);
}

TEST_CASE("MemoryData: the least magnitude of a column and the least weight leave out zeros", "[mpi]") {
  std::vector<double> rows(2 * 300, 0.0), weights(300, 2.0);
  rows[2 * 7] = -1e-30, rows[2 * 8] = 5.0, rows[2 * 9] = 1e-40;
  weights[9] = 0.0, weights[11] = 1e-3;
  const DataSummary s = make_data(on(test_world()), rows, 2, weights).summary();
  CHECK(s.least_magnitude == std::vector<double>{1e-30, HUGE_VAL});
  CHECK(s.least_weight == 1e-3);
}

TEST_CASE("has_distinct_rows: counts different rows of positive weight over all ranks", "[mpi]") {
  const auto execution = on(test_world(), 2);
  for (const Index n : {7, 50, 1000}) {
    std::vector<double> rows;
    for (Index i = 0; i < n; ++i)
      rows.insert(rows.end(), {double(i % 7), i % 7 == 0 ? (i % 2 ? 0.0 : -0.0) : 1.0});
    const auto data = make_data(execution, rows, 2);
    CHECK(gmmpi::has_distinct_rows(execution, data, 1));
    CHECK(gmmpi::has_distinct_rows(execution, data, 7));
    CHECK(!gmmpi::has_distinct_rows(execution, data, 8));
    std::vector<double> weights(n, 1.0);
    for (Index i = 3; i < n; i += 7) weights[i] = 0.0;
    const auto weighted = make_data(execution, rows, 2, weights);
    CHECK(gmmpi::has_distinct_rows(execution, weighted, 6));
    CHECK(!gmmpi::has_distinct_rows(execution, weighted, 7));
  }
}
