// MpiSession: MPI_Init_thread and MPI_Finalize as a scope; whether there is anybody to meet.
#include <unistd.h>

#include <string_view>

#include "gmmpi/error.hpp"
#include "gmmpi/parallel/mpi.hpp"

namespace gmmpi {

bool started_by_a_launcher() {
#ifdef OPEN_MPI
  // mpirun, PMIx, PMI (also Slurm's, MPICH's, Flux's), Slurm's srun without either (MPI_Init explains), ALPS,
  // PALS, LSF's jsrun.
  for (char** entry = environ; *entry; ++entry)
    for (const std::string_view prefix :
         {"OMPI_COMM_WORLD_", "PMIX_", "PMI_", "SLURM_STEP_", "ALPS_APP_", "PALS_", "JSM_"})
      if (std::string_view(*entry).starts_with(prefix)) return true;
  return false;
#else
  return true;
#endif
}

MpiSession::MpiSession(int* argc, char*** argv) {
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw Error(ExitCode::internal, "MPI cannot be initialised: check the MPI installation");
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

}  // namespace gmmpi
