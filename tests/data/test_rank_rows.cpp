// RankRows: rows of the ranks become the same data, whoever held them.
#include <catch2/catch.hpp>

#include "gmmpi/data/rank_rows.hpp"
#include "gmmpi/error.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Index;
using gmmpi::MemoryData;
using gmmpi::RankRows;
using in_memory::on;

/// How n rows may lie: where rank r's begin.
std::vector<std::vector<Index>> layouts(Index n, int n_ranks) {
  std::vector<Index> first(n_ranks + 1, n), last(n_ranks + 1, 0), uneven(n_ranks + 1);
  first[0] = 0;
  last[n_ranks] = n;
  for (int r = 0; r <= n_ranks; ++r) uneven[r] = n * r * r / n_ranks / n_ranks;
  return {first, last, uneven};
}

template <class T>
std::vector<T> part(const std::vector<double>& values, Index begin, Index end, int d) {
  return {values.begin() + begin * d, values.begin() + end * d};
}

/// The code of the Error that rows like these give, the message in `text`.
gmmpi::ExitCode failure(std::size_t n_values, int d, std::string& text) {
  const std::vector<double> rows(n_values, 1.0);
  try {
    RankRows table(test_world(), "my rows", std::span(rows), d);
  } catch (const gmmpi::Error& e) {
    text = e.what();
    return e.code();
  }
  return gmmpi::ExitCode::ok;
}

}  // namespace

TEST_CASE("RankRows: the same data, whoever held the rows", "[mpi]") {
  const gmmpi::Communicator& comm = test_world();
  for (const Index n : {1, 50, 5000}) {
    const std::vector<double> values = in_memory::clusters(n, 3, 2, 5.0, 1);
    const std::vector<double> weights(values.begin(), values.begin() + n);
    std::vector<double> positive;
    for (const double w : weights) positive.push_back(w * w);
    const auto expected = in_memory::make_data(on(comm), values, 3, positive).summary();
    for (const std::vector<Index>& begin : layouts(n, comm.size())) {
      const Index from = begin[comm.rank()], to = begin[comm.rank() + 1];
      RankRows rows(comm, "rows", std::span<const double>(part<double>(values, from, to, 3)), 3);
      RankRows row_weights(comm, "weights", std::span<const double>(part<double>(positive, from, to, 1)), 1);
      CHECK(rows.n_rows() == n);
      const MemoryData data(on(comm), rows, &row_weights);
      CHECK(data.summary().fingerprint == expected.fingerprint);
      CHECK(data.summary().total_weight == expected.total_weight);
    }
  }
}

TEST_CASE("RankRows: single precision stays single", "[mpi]") {
  const gmmpi::Communicator& comm = test_world();
  std::vector<double> values = in_memory::clusters(999, 2, 2, 5.0, 2);
  for (double& v : values) v = static_cast<float>(v);
  const auto expected = in_memory::make_data(on(comm), values, 2).summary();
  const std::vector<Index> begin = layouts(999, comm.size())[2];
  const auto mine = part<float>(values, begin[comm.rank()], begin[comm.rank() + 1], 2);
  RankRows rows(comm, "rows", std::span(mine), 2);
  CHECK(rows.element() == gmmpi::ElementType::f4);
  CHECK(MemoryData(on(comm), rows, nullptr).summary().fingerprint == expected.fingerprint);
}

TEST_CASE("RankRows: what is no table is refused on all ranks", "[mpi]") {
  const bool last = test_world().rank() == test_world().size() - 1;
  std::string text;
  CHECK(failure(last ? 7 : 6, 2, text) == gmmpi::ExitCode::usage);
  CHECK_THAT(text, Catch::Contains("my rows") && Catch::Contains("7 values"));
  CHECK(failure(6, 0, text) == gmmpi::ExitCode::usage);
  CHECK(failure(0, 2, text) == gmmpi::ExitCode::bad_data);
  CHECK_THAT(text, Catch::Contains("no rank has any rows"));
  if (test_world().size() > 1) CHECK(failure(6, last ? 3 : 2, text) == gmmpi::ExitCode::usage);
}

TEST_CASE("RankRows: rows of another rank are not given", "[mpi]") {
  const gmmpi::Communicator& comm = test_world();
  const std::vector<double> mine(64, 1.0);
  RankRows rows(comm, "rows", std::span(mine), 1);
  double row = 0.0;
  CHECK_THROWS_WITH(rows.read(rows.n_rows(), 1, &row), Catch::Contains("another rank"));
}
