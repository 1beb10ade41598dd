// MpiSession: MPI_Init_thread and MPI_Finalize as a scope.
#include "gmmpi/error.hpp"
#include "gmmpi/parallel/mpi.hpp"

namespace gmmpi {

MpiSession::MpiSession(int* argc, char*** argv) {
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw Error(ExitCode::internal, "MPI cannot be initialised: check the MPI installation");
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

}  // namespace gmmpi
