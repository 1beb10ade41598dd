// Where gmmpi meets MPI: whether there is any, its start and end, and a Communicator made from an MPI_Comm.
#pragma once

#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>

#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// Whether something that starts MPI processes has started this one, as far as the environment tells; else it
/// is alone and Communicator::single() serves it. (To initialise MPI all the same takes 10 ms or more, and
/// fails where its files cannot be made.) Always true with implementations other than Open MPI.
bool started_by_a_launcher();

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
