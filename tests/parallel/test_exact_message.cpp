// One message: totals in place, and a failure of any rank thrown on all.
#include <catch2/catch.hpp>
#include <exception>
#include <vector>

#include "gmmpi/error.hpp"
#include "parallel/exact_message.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::ExactArray;
using gmmpi::ExactMessage;
using gmmpi::ExactScalar;

/// Parts of this rank that are easy to add up: rank r has r + 1 of each.
struct Parts {
  ExactScalar scalar;
  ExactArray array = ExactArray(std::vector<double>{1e6, 1e6});
  std::vector<std::int64_t> counts{1, 10};

  explicit Parts(int n) {
    for (int i = 0; i < n; ++i) {
      scalar.add(0.1);
      array.add(std::vector<double>{0.25, -3.0});
    }
    for (auto& count : counts) count *= n;
  }
};

}  // namespace

TEST_CASE("ExactMessage: every part becomes its total over the ranks", "[mpi]") {
  const gmmpi::Communicator comm = test_world();
  Parts parts(comm.rank() + 1);
  ExactMessage().add(parts.counts).add(parts.scalar).add(parts.array).sum(comm);
  const int n = comm.size() * (comm.size() + 1) / 2;
  Parts all(n);
  all.scalar.normalise();
  CHECK(parts.scalar.value() == all.scalar.value());
  CHECK(parts.array.value(0) == 0.25 * n);
  CHECK(parts.array.value(1) == -3.0 * n);
  CHECK(parts.counts == std::vector<std::int64_t>{n, 10 * n});
}

TEST_CASE("ExactMessage: the lowest failing rank's error is thrown on all ranks, parts stay", "[mpi]") {
  const gmmpi::Communicator comm = test_world();
  Parts parts(1);
  std::exception_ptr failure;
  if (comm.rank() >= comm.size() / 2)
    failure = std::make_exception_ptr(
        gmmpi::Error(gmmpi::ExitCode::bad_data, "of rank " + std::to_string(comm.rank())));
  ExactMessage message;
  message.add(parts.scalar).add(parts.counts);
  CHECK_THROWS_WITH(message.sum(comm, failure),
                    Catch::Contains("of rank " + std::to_string(comm.size() / 2)));
  CHECK(parts.counts == std::vector<std::int64_t>{1, 10});
  parts.scalar.normalise();
  CHECK(parts.scalar.value() == 0.1);
  message.sum(comm);  // nobody waits in another collective
  CHECK(parts.counts[0] == comm.size());
}
