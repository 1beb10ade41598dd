// Errors of rows: what cannot be true, and that it is named with its row, from memory and from a stream.
#include <limits>

#include "data/row_errors.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "stream_support.hpp"

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using gmmpi::ErrorFault;

std::pair<ErrorFault, int> fault(const std::vector<double>& x, const std::vector<double>& errors) {
  int column = 0;
  const bool deviations = x.size() == errors.size();
  const ErrorFault kind =
      gmmpi::fault_of_errors(x.data(), errors.data(), static_cast<int>(x.size()), deviations, column);
  return {kind, column};
}

}  // namespace

TEST_CASE("row errors: standard deviations are finite and not negative, where a value is") {
  CHECK(fault({1, 2}, {0.0, 3.0}).first == ErrorFault::none);
  CHECK(fault({1, 2}, {0.5, -1.0}) == std::pair(ErrorFault::negative, 1));
  CHECK(fault({1, 2}, {kNaN, 1.0}) == std::pair(ErrorFault::not_finite, 0));
  CHECK(fault({1, 2}, {1.0, kInfinity}) == std::pair(ErrorFault::not_finite, 1));
  CHECK(fault({1, 2}, {1e141, 1.0}) == std::pair(ErrorFault::too_large, 0));
  CHECK(fault({kNaN, 2}, {-1.0, 1.0}).first == ErrorFault::none);
}

TEST_CASE("row errors: covariances are symmetric and positive semidefinite, where values are") {
  CHECK(fault({1, 2}, {1.0, 0.5, 0.5, 2.0}).first == ErrorFault::none);
  CHECK(fault({1, 2}, {1.0, 1.0, 1.0, 1.0}).first == ErrorFault::none);  // singular
  CHECK(fault({1, 2}, {0.0, 0.0, 0.0, 0.0}).first == ErrorFault::none);
  CHECK(fault({1, 2}, {1.0, 0.5, 0.4, 2.0}) == std::pair(ErrorFault::asymmetric, 1));
  CHECK(fault({1, 2}, {1.0, 1.5, 1.5, 2.0}) == std::pair(ErrorFault::indefinite, 1));
  CHECK(fault({1, 2}, {-1.0, 0.0, 0.0, 2.0}) == std::pair(ErrorFault::negative, 0));
  CHECK(fault({1, 2}, {1.0, kNaN, 0.5, 2.0}) == std::pair(ErrorFault::not_finite, 1));
  CHECK(fault({1, 2}, {0.0, 0.1, 0.1, 2.0}) == std::pair(ErrorFault::indefinite, 1));
  CHECK(fault({1, kNaN}, {1.0, 9.0, kNaN, -2.0}).first == ErrorFault::none);
  // Every pair of columns is possible, all three together are not.
  CHECK(fault({1, 2, 3}, {1, 0.9, -0.9, 0.9, 1, 0.9, -0.9, 0.9, 1}) == std::pair(ErrorFault::indefinite, 2));
  // What single precision makes of a singular matrix is one.
  const float a = 1.0f / 3.0f, b = 0.1f;
  CHECK(fault({1, 2}, {a * a, a * b, a * b, b * b}).first == ErrorFault::none);
}

TEST_CASE("row errors: streamed ones are those in memory, and the first bad one is named", "[mpi]") {
  using namespace stream_test;
  const Table t;
  std::vector<double> errors(t.rows.size());
  for (std::size_t e = 0; e < errors.size(); ++e) errors[e] = 0.25 * static_cast<double>(e % 7);
  const auto execution = on(test_world(), 2);
  VectorReader rows(t.rows, kColumns);
  for (const ElementType element : {ElementType::f4, ElementType::f8}) {
    VectorReader held(errors, kColumns, element);
    HookedReader read(errors, kColumns, element);
    const gmmpi::MemoryData memory(execution, rows, nullptr, gmmpi::Missing::error, &held);
    const gmmpi::RowFormat format{kColumns, ElementType::f8, kColumns, element};
    const auto block = StreamData::least_bytes(BlockGrid(kRows), format) / 2;
    CHECK(block > block_bytes(kRows, kColumns));
    const StreamData streamed(execution, rows, nullptr, 5 * block, gmmpi::Missing::error, &read);
    CHECK(memory.summary().has_errors);
    CHECK(streamed.summary().fingerprint == memory.summary().fingerprint);
    CHECK(memory.summary().fingerprint != gmmpi::MemoryData(execution, rows, nullptr).summary().fingerprint);
    std::atomic<int> n_wrong = 0;
    streamed.for_each_block(execution, [&](const Block& b, int) {
      std::visit(
          [&](const auto* x) {
            for (Index e = 0; e < b.n_rows * kColumns; ++e)
              n_wrong += double(x[e]) != errors[b.first_row * kColumns + e];
          },
          b.errors);
      n_wrong += b.n_errors != kColumns;
    });
    CHECK(n_wrong == 0);
    read.touched = true;
    errors[3 * kRows - 1] += 1.0;  // in the last block, which is not held
    CHECK(error_of([&] {
            execution.comm.together([&] { streamed.for_each_block(execution, nothing); });
          }).find("74 ") == 0);
    errors[3 * kRows - 1] -= 1.0;
  }
  errors[kColumns * 4000 + 1] = errors[kColumns * 4100] = -1.0;
  VectorReader bad(errors, kColumns, ElementType::f8, "their errors");
  CHECK(error_of([&] { gmmpi::MemoryData(execution, rows, nullptr, gmmpi::Missing::error, &bad); }) ==
        "65 their errors: row 4000, column 1: the error is negative; give standard deviations (2 rows have "
        "such "
        "errors)");
}
