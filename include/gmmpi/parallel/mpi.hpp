// Where gmmpi meets MPI: who started the process, MPI's start and end, and a Communicator made from an
// MPI_Comm.
#pragma once

#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>

#include <string>

#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// How this process was started, as far as the environment tells.
struct Launch {
  int rank = 0;
  int size = 1;  ///< of the processes that were started together; if it is not known, the least it can be
  bool size_is_known = false;
  std::string evidence{};  ///< "PMI_SIZE=4"; empty if no launcher has started the process
  /// Whether there is anybody to be met through MPI; else Communicator::single() serves the process. (To
  /// initialise MPI all the same takes 10 ms or more, and fails where its files cannot be made.) Always true
  /// with implementations other than Open MPI.
  bool has_mpi = true;

  /// Of several processes that do not find each other, the one that says so: the first that knows.
  bool speaks() const { return rank == (size_is_known ? 0 : 1); }
  /// What it says: that MPI has not joined the processes, and what to do.
  std::string refusal() const;
};

/// Reads variables that launchers set: those of Open MPI, MPICH, Intel MPI, MVAPICH, PMIx, PALS, ALPS, jsrun,
/// and of a step of Slurm. `environment`: as environ.
Launch find_launch(const char* const* environment);

/// Initialises MPI (MPI_THREAD_FUNNELED: only the main thread communicates) and finalises it when
/// destroyed. An embedding program that has initialised MPI itself does not need it.
class MpiSession {
 public:
  MpiSession(int* argc, char*** argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

/// Collective. A Communicator over a duplicate of `comm`; MPI must be initialised.
Communicator make_communicator(MPI_Comm comm);

}  // namespace gmmpi
