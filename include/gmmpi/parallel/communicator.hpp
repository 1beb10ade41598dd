// The group of processes that fits one model: a single process or an MPI communicator.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gmmpi {

/// Cheap to copy; copies share the underlying MPI communicator. Functions marked *Collective* must
/// be called by every rank of the group, in the same order. Errors of MPI itself end the job.
class Communicator {
 public:
  /// One process without MPI; every collective is a no-op.
  static Communicator single();

  /// The same group, in which nobody waits for others for ever: before each collective the ranks call the
  /// roll, and when some have not answered for `seconds`, or one stalls inside a collective, `on_lost` is
  /// called on a rank that waited ("rank 3"), to end the job. Costs two small messages per rank and
  /// collective.
  Communicator with_watchdog(double seconds, std::function<void(const std::string& who)> on_lost) const;

  /// Collective. The ranks that give the same `group`, as a communicator of their own, in the same order.
  Communicator split(int group) const;

  int rank() const;
  int size() const;
  bool is_root() const { return rank() == 0; }
  /// Ranks that share this rank's memory (one node). 1 for a single process.
  int node_size() const;

  /// Collective. Element-wise sum over the ranks (native MPI_SUM on integers: exact in any order).
  void sum(std::span<std::int64_t> values) const;
  /// Collective. Element-wise minimum over the ranks.
  void min(std::span<double> values) const;
  /// Collective. Element-wise maximum over the ranks.
  void max(std::span<double> values) const;
  void max(std::span<std::int64_t> values) const;
  /// Collective. Copies `bytes` of `root` to every rank; all ranks pass the same size.
  void broadcast(std::span<std::byte> bytes, int root = 0) const;
  /// Collective. Copies the string of `root` to every rank.
  void broadcast(std::string& text, int root = 0) const;
  /// Collective. The parts of all ranks, in order of rank, on every rank.
  std::vector<std::byte> all_gather(std::span<const std::byte> part) const;
  template <class T>
  std::vector<T> all_gather(std::span<const T> part) const;
  /// Collective. Rows of `row_bytes` bytes change their ranks: the first to_rank[0] of `rows` go to rank 0,
  /// the next to_rank[1] to rank 1, ...; into `received` come from_rank[0] of rank 0, then from_rank[1] of
  /// rank 1.
  void exchange(std::span<const std::byte> rows, std::span<std::byte> received, std::size_t row_bytes,
                std::span<const int> to_rank, std::span<const int> from_rank) const;
  /// Collective. Nobody leaves before everybody came.
  void barrier() const;

  /// A number from one rank to another. Not collective.
  struct Note {
    int from;
    std::int64_t value;
  };
  /// Sends a note to rank `to`, which must look for it with `collect` sooner or later.
  void post(int to, std::int64_t value) const;
  /// A note that has come, if there is one; those of one rank come in the order in which they were posted.
  std::optional<Note> collect() const;

  /// Collective. Runs `work` on every rank. If it throws anywhere, every rank throws the error of
  /// the lowest rank that failed (so nobody hangs in a later collective). `work` must not
  /// communicate, except through functions that themselves throw on all ranks together.
  void together(const std::function<void()>& work) const;
  /// Collective. As `together`, for an exception caught before (null: this rank is well).
  void rethrow_anywhere(const std::exception_ptr& failure) const;

  /// Ends all ranks at once with this exit code. For errors that only one rank can know of.
  [[noreturn]] void abort(int exit_code) const;

 private:
  struct Impl;
  explicit Communicator(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
  friend struct MpiAccess;
};

template <class T>
std::vector<T> Communicator::all_gather(std::span<const T> part) const {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::vector<std::byte> bytes = all_gather(std::as_bytes(part));
  std::vector<T> all(bytes.size() / sizeof(T));
  if (!bytes.empty()) __builtin_memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

}  // namespace gmmpi
