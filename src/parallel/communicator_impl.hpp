// What a Communicator shares with its copies.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gmmpi/parallel/mpi.hpp"

namespace gmmpi {

/// Owns a duplicate of an MPI communicator.
struct CommHandle {
  MPI_Comm comm = MPI_COMM_NULL;
  explicit CommHandle(MPI_Comm original) { MPI_Comm_dup(original, &comm); }
  CommHandle(const CommHandle&) = delete;
  CommHandle& operator=(const CommHandle&) = delete;
  ~CommHandle() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Comm_free(&comm);
  }
};

/// `comm` is MPI_COMM_NULL for a single process without MPI.
struct Communicator::Impl {
  std::shared_ptr<CommHandle> handle;
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0, size = 1, node_size = 1;
  double patience = 0.0;  ///< seconds; 0: for ever
  std::function<void(const std::string& who)> on_lost;

  /// Called before each collective: false if there is nobody to meet; with a watchdog it calls the roll.
  bool meet() const {
    if (size == 1) return false;
    if (patience > 0.0) call_roll();
    return true;
  }
  void call_roll() const;
  /// Runs a collective: `blocking`, or with a watchdog `begin`, which is not waited for for ever.
  template <class Blocking, class Begin>
  void run(Blocking blocking, Begin begin) const {
    if (patience <= 0.0) {
      blocking();
      return;
    }
    MPI_Request request = MPI_REQUEST_NULL;
    begin(&request);
    complete(request);
  }
  void complete(MPI_Request request) const;
  void all_reduce(void* data, int count, MPI_Datatype type, MPI_Op op) const;
  void broadcast(void* data, int count, MPI_Datatype type, int root) const;
};

}  // namespace gmmpi
