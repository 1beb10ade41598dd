// Where gmmpi meets MPI: start and end of MPI, and a Communicator made from an MPI_Comm.
#pragma once

#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>

#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

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
