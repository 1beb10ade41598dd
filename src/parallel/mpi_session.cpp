// MpiSession: MPI_Init_thread and MPI_Finalize as a scope.
#include <cstdlib>

#include "gmmpi/error.hpp"
#include "gmmpi/parallel/mpi.hpp"

namespace gmmpi {

namespace {

/// A process that no launcher started needs neither a daemon nor network adapters (to start the one and to look for
/// the others takes Open MPI 0.3 s), nor a session directory: when one process removes the last of them while another
/// makes its own below it, MPI_Init of the other fails. What the user has set stays; other implementations read none of
/// this.
void expect_to_be_alone() {
  for (const char* of_launchers : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_FD", "ALPS_APP_PE"})
    if (std::getenv(of_launchers)) return;
  ::setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  ::setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);
  ::setenv("OMPI_MCA_pml", "ob1", 0);
  ::setenv("OMPI_MCA_btl", "self", 0);
}

}  // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  expect_to_be_alone();
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw Error(ExitCode::internal, "MPI cannot be initialised: check the MPI installation");
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

}  // namespace gmmpi
