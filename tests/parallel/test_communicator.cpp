// The collectives, and errors that all ranks throw together.
#include <catch2/catch.hpp>
#include <new>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Communicator;
using gmmpi::Error;
using gmmpi::ExitCode;

/// What `together` throws: its code and message; ok and "" if nothing.
std::pair<ExitCode, std::string> caught(const Communicator& comm, const std::function<void()>& work) {
  try {
    comm.together(work);
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  return {ExitCode::ok, ""};
}

}  // namespace

TEST_CASE("Communicator: sum, min and max are those of all ranks", "[mpi]") {
  const Communicator& comm = test_world();
  const std::int64_t rank = comm.rank(), size = comm.size();
  std::vector<std::int64_t> sums = {1, rank, -rank, std::int64_t{1} << 50};
  comm.sum(sums);
  CHECK(sums == std::vector<std::int64_t>{size, size * (size - 1) / 2, -size * (size - 1) / 2,
                                          size * (std::int64_t{1} << 50)});
  std::vector<double> low = {double(rank), -double(rank)}, high = low;
  comm.min(low);
  comm.max(high);
  CHECK(low == std::vector<double>{0.0, -double(size - 1)});
  CHECK(high == std::vector<double>{double(size - 1), 0.0});
  std::vector<std::int64_t> most = {rank, -rank};
  comm.max(most);
  CHECK(most == std::vector<std::int64_t>{size - 1, 0});
}

TEST_CASE("Communicator: broadcast copies the root's bytes and string", "[mpi]") {
  const Communicator& comm = test_world();
  for (const int root : {0, comm.size() - 1}) {
    std::string text = "rank " + std::to_string(comm.rank()) + std::string(comm.rank(), '!');
    comm.broadcast(text, root);
    CHECK(text == "rank " + std::to_string(root) + std::string(root, '!'));
    double number = 0.5 + comm.rank();
    comm.broadcast(std::as_writable_bytes(std::span(&number, 1)), root);
    CHECK(number == 0.5 + root);
  }
  std::string empty = comm.is_root() ? "" : "something";
  comm.broadcast(empty);
  CHECK(empty.empty());
}

TEST_CASE("Communicator: all_gather keeps the order of ranks, whatever each one gives", "[mpi]") {
  const Communicator& comm = test_world();
  const std::vector<std::int64_t> mine(comm.rank() % 3, comm.rank());  // ranks 0, 3, 6 give nothing
  std::vector<std::int64_t> expected;
  for (int r = 0; r < comm.size(); ++r) expected.insert(expected.end(), r % 3, r);
  CHECK(comm.all_gather(std::span<const std::int64_t>(mine)) == expected);
  CHECK(comm.all_gather(std::span<const double>()).empty());
}

TEST_CASE("Communicator: together throws nothing where nothing failed", "[mpi]") {
  int runs = 0;
  CHECK(caught(test_world(), [&] { ++runs; }).first == ExitCode::ok);
  CHECK(runs == 1);
  CHECK_NOTHROW(test_world().rethrow_anywhere(nullptr));
}

TEST_CASE("Communicator: an error of one rank is thrown by all", "[mpi]") {
  const Communicator& comm = test_world();
  for (int failing = 0; failing < comm.size(); ++failing) {
    const auto error = caught(comm, [&] {
      if (comm.rank() == failing)
        throw Error(ExitCode::no_input, "rank " + std::to_string(failing) + " is sad");
    });
    CHECK(error.first == ExitCode::no_input);
    CHECK(error.second == "rank " + std::to_string(failing) + " is sad");
  }
}

TEST_CASE("Communicator: of several errors all ranks throw that of the lowest rank", "[mpi]") {
  const Communicator& comm = test_world();
  const int lowest = comm.size() > 1 ? 1 : 0;
  const auto error = caught(comm, [&] {
    if (comm.rank() >= lowest)
      throw Error(comm.rank() == lowest ? ExitCode::bad_data : ExitCode::io_failed,
                  std::to_string(comm.rank()));
  });
  CHECK(error.first == ExitCode::bad_data);
  CHECK(error.second == std::to_string(lowest));
}

TEST_CASE("Communicator: rethrow_anywhere brings home an exception caught before", "[mpi]") {
  const Communicator& comm = test_world();
  std::exception_ptr failure;
  if (comm.rank() == comm.size() - 1) failure = std::make_exception_ptr(Error(ExitCode::numerical, "late"));
  CHECK_THROWS_WITH(comm.rethrow_anywhere(failure), "late");
}

TEST_CASE("Communicator: other exceptions become errors of their own code on several ranks", "[mpi]") {
  const Communicator& comm = test_world();
  if (comm.size() == 1) return;  // alone, the exception itself is thrown again
  const auto memory = caught(comm, [&] {
    if (comm.rank() == 1) throw std::bad_alloc();
  });
  CHECK(memory.first == ExitCode::no_memory);
  const auto other = caught(comm, [&] {
    if (comm.rank() == 1) throw std::logic_error("what?");
  });
  CHECK(other.first == ExitCode::internal);
  CHECK(other.second.find("what?") != std::string::npos);
}

TEST_CASE("Communicator: a single process is a communicator too", "[serial]") {
  const Communicator comm = Communicator::single();
  CHECK(comm.rank() == 0);
  CHECK(comm.size() == 1);
  CHECK(comm.node_size() == 1);
  CHECK(comm.is_root());
  std::vector<std::int64_t> sums = {5};
  comm.sum(sums);
  CHECK(sums[0] == 5);
  const std::vector<double> part = {1.0, 2.0};
  CHECK(comm.all_gather(std::span<const double>(part)) == part);
  CHECK_NOTHROW(comm.barrier());
  CHECK(caught(comm, [] { throw Error(ExitCode::bad_data, "alone"); }).second == "alone");
  CHECK_THROWS_AS(comm.together([] { throw std::logic_error("as it is"); }), std::logic_error);
}
