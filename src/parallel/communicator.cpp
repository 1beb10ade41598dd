// Communicator: the collectives that gmmpi needs, over MPI or over one process.
#include "gmmpi/parallel/communicator.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "gmmpi/parallel/mpi.hpp"
#include "parallel/communicator_impl.hpp"

namespace gmmpi {

/// Lets make_communicator reach the private constructor without naming MPI in the public class.
struct MpiAccess {
  static Communicator make(std::shared_ptr<const Communicator::Impl> impl) {
    return Communicator(std::move(impl));
  }
  static Communicator from(MPI_Comm comm) {
    auto impl = std::make_shared<Communicator::Impl>();
    impl->handle = std::make_shared<CommHandle>(comm);
    impl->comm = impl->handle->comm;
    MPI_Comm_rank(impl->comm, &impl->rank);
    MPI_Comm_size(impl->comm, &impl->size);
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split_type(impl->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &impl->node_size);
    MPI_Comm_free(&node);
    return make(std::move(impl));
  }
};

Communicator make_communicator(MPI_Comm comm) {
  return MpiAccess::from(comm);
}

Communicator Communicator::single() {
  return Communicator(std::make_shared<Impl>());
}
Communicator Communicator::with_watchdog(double seconds,
                                         std::function<void(const std::string&)> on_lost) const {
  auto impl = std::make_shared<Impl>(*impl_);
  impl->patience = seconds;
  impl->on_lost = std::move(on_lost);
  return Communicator(std::move(impl));
}

Communicator Communicator::split(int group) const {
  if (impl_->size == 1) return *this;
  MPI_Comm part = MPI_COMM_NULL;
  MPI_Comm_split(impl_->comm, group, impl_->rank, &part);
  Communicator made = MpiAccess::from(part);
  MPI_Comm_free(&part);
  return made;
}

int Communicator::rank() const {
  return impl_->rank;
}
int Communicator::size() const {
  return impl_->size;
}
int Communicator::node_size() const {
  return impl_->node_size;
}

namespace {

constexpr int kNoteTag = 3;  ///< the watchdog's messages have 1 and 2

/// MPI counts are ints: long messages go in pieces of at most 2^26 elements.
template <class T, class Fn>
void in_pieces(std::span<T> values, Fn&& piece) {
  constexpr std::size_t limit = std::size_t{1} << 26;
  for (std::size_t i = 0; i < values.size(); i += limit) {
    const std::size_t n = std::min(limit, values.size() - i);
    piece(values.data() + i, static_cast<int>(n));
  }
}

/// What `together` sends about a failure.
struct Failure {
  ExitCode code = ExitCode::internal;
  std::string message;
};

Failure describe(const std::exception_ptr& failure, int rank) {
  const std::string where = " (rank " + std::to_string(rank) + ")";
  try {
    std::rethrow_exception(failure);
  } catch (const Error& e) {
    return {e.code(), e.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::no_memory, "not enough memory" + where + ": use more nodes or fewer ranks per node"};
  } catch (const std::exception& e) {
    return {ExitCode::internal, std::string("internal error: ") + e.what() + where + "; please report it"};
  } catch (...) {
    return {ExitCode::internal, "internal error: unknown exception" + where + "; please report it"};
  }
}

}  // namespace

void Communicator::Impl::all_reduce(void* data, int count, MPI_Datatype type, MPI_Op op) const {
  run([&] { MPI_Allreduce(MPI_IN_PLACE, data, count, type, op, comm); },
      [&](MPI_Request* request) { MPI_Iallreduce(MPI_IN_PLACE, data, count, type, op, comm, request); });
}

void Communicator::Impl::broadcast(void* data, int count, MPI_Datatype type, int root) const {
  run([&] { MPI_Bcast(data, count, type, root, comm); },
      [&](MPI_Request* request) { MPI_Ibcast(data, count, type, root, comm, request); });
}

void Communicator::sum(std::span<std::int64_t> values) const {
  if (impl_->meet())
    in_pieces(values, [&](auto* data, int n) { impl_->all_reduce(data, n, MPI_INT64_T, MPI_SUM); });
}
void Communicator::min(std::span<double> values) const {
  if (impl_->meet())
    in_pieces(values, [&](auto* data, int n) { impl_->all_reduce(data, n, MPI_DOUBLE, MPI_MIN); });
}
void Communicator::max(std::span<double> values) const {
  if (impl_->meet())
    in_pieces(values, [&](auto* data, int n) { impl_->all_reduce(data, n, MPI_DOUBLE, MPI_MAX); });
}
void Communicator::max(std::span<std::int64_t> values) const {
  if (impl_->meet())
    in_pieces(values, [&](auto* data, int n) { impl_->all_reduce(data, n, MPI_INT64_T, MPI_MAX); });
}

void Communicator::broadcast(std::span<std::byte> bytes, int root) const {
  GMMPI_EXPECT(root >= 0 && root < impl_->size);
  if (impl_->meet()) in_pieces(bytes, [&](auto* data, int n) { impl_->broadcast(data, n, MPI_BYTE, root); });
}

void Communicator::broadcast(std::string& text, int root) const {
  std::int64_t length = static_cast<std::int64_t>(text.size());
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  text.resize(static_cast<std::size_t>(length));
  broadcast(std::as_writable_bytes(std::span(text)), root);
}

std::vector<std::byte> Communicator::all_gather(std::span<const std::byte> part) const {
  if (!impl_->meet()) return {part.begin(), part.end()};
  const auto mine = static_cast<std::int64_t>(part.size());
  std::vector<std::int64_t> sizes(impl_->size);
  impl_->run([&] { MPI_Allgather(&mine, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, impl_->comm); },
             [&](MPI_Request* request) {
               MPI_Iallgather(&mine, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, impl_->comm, request);
             });
  std::vector<int> counts(impl_->size), offsets(impl_->size);
  std::int64_t total = 0;
  for (int r = 0; r < impl_->size; ++r) {
    counts[r] = static_cast<int>(sizes[r]);
    offsets[r] = static_cast<int>(total);
    total += sizes[r];
  }
  if (total > std::numeric_limits<int>::max())
    throw Error(ExitCode::internal, "internal error: a gathered message exceeds 2 GiB");
  std::vector<std::byte> all(static_cast<std::size_t>(total));
  const int n = static_cast<int>(mine);
  impl_->run(
      [&] {
        MPI_Allgatherv(part.data(), n, MPI_BYTE, all.data(), counts.data(), offsets.data(), MPI_BYTE,
                       impl_->comm);
      },
      [&](MPI_Request* request) {
        MPI_Iallgatherv(part.data(), n, MPI_BYTE, all.data(), counts.data(), offsets.data(), MPI_BYTE,
                        impl_->comm, request);
      });
  return all;
}

void Communicator::exchange(std::span<const std::byte> rows, std::span<std::byte> received,
                            std::size_t row_bytes, std::span<const int> to_rank,
                            std::span<const int> from_rank) const {
  const auto bytes = [&](std::span<const int> counts) {
    return row_bytes * std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  };
  GMMPI_EXPECT(std::ssize(to_rank) == impl_->size && rows.size() == bytes(to_rank));
  GMMPI_EXPECT(std::ssize(from_rank) == impl_->size && received.size() == bytes(from_rank));
  if (!impl_->meet()) {
    std::copy(rows.begin(), rows.end(), received.begin());
    return;
  }
  const auto offsets = [](std::span<const int> counts) {
    std::vector<int> sums(counts.size());
    std::exclusive_scan(counts.begin(), counts.end(), sums.begin(), 0);
    return sums;
  };
  const std::vector<int> to_offset = offsets(to_rank), from_offset = offsets(from_rank);
  MPI_Datatype row = MPI_DATATYPE_NULL;  // counts are ints: of rows, not of bytes
  MPI_Type_contiguous(static_cast<int>(row_bytes), MPI_BYTE, &row);
  MPI_Type_commit(&row);
  impl_->run(
      [&] {
        MPI_Alltoallv(rows.data(), to_rank.data(), to_offset.data(), row, received.data(), from_rank.data(),
                      from_offset.data(), row, impl_->comm);
      },
      [&](MPI_Request* request) {
        MPI_Ialltoallv(rows.data(), to_rank.data(), to_offset.data(), row, received.data(), from_rank.data(),
                       from_offset.data(), row, impl_->comm, request);
      });
  MPI_Type_free(&row);
}

void Communicator::barrier() const {
  if (!impl_->meet()) return;
  impl_->run([&] { MPI_Barrier(impl_->comm); },
             [&](MPI_Request* request) { MPI_Ibarrier(impl_->comm, request); });
}

void Communicator::post(int to, std::int64_t value) const {
  GMMPI_EXPECT(to >= 0 && to < impl_->size && impl_->size > 1);
  MPI_Send(&value, 1, MPI_INT64_T, to, kNoteTag, impl_->comm);
}

std::optional<Communicator::Note> Communicator::collect() const {
  if (impl_->size == 1) return std::nullopt;
  int is_there = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, kNoteTag, impl_->comm, &is_there, &status);
  if (!is_there) return std::nullopt;
  Note note{status.MPI_SOURCE, 0};
  MPI_Recv(&note.value, 1, MPI_INT64_T, note.from, kNoteTag, impl_->comm, MPI_STATUS_IGNORE);
  return note;
}

void Communicator::together(const std::function<void()>& work) const {
  std::exception_ptr failure;
  try {
    work();
  } catch (...) {
    failure = std::current_exception();
  }
  rethrow_anywhere(failure);
}

void Communicator::rethrow_anywhere(const std::exception_ptr& failure) const {
  if (!impl_->meet()) {
    if (failure) std::rethrow_exception(failure);
    return;
  }
  int first = failure ? impl_->rank : impl_->size;
  impl_->all_reduce(&first, 1, MPI_INT, MPI_MIN);
  if (first == impl_->size) return;
  Failure report;
  if (first == impl_->rank) report = describe(failure, impl_->rank);
  int code = static_cast<int>(report.code);
  impl_->broadcast(&code, 1, MPI_INT, first);
  broadcast(report.message, first);
  throw Error(static_cast<ExitCode>(code), report.message);
}

void Communicator::abort(int exit_code) const {
  if (impl_->comm != MPI_COMM_NULL) MPI_Abort(impl_->comm, exit_code);
  std::_Exit(exit_code);
}

}  // namespace gmmpi
