// Entry of the test program: Catch2 2 needs its own main where MPI is to be initialised first.
// covers: src/parallel/mpi_session.cpp
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "gmmpi/parallel/mpi.hpp"
#include "support/world.hpp"

namespace {
const gmmpi::Communicator* g_world = nullptr;  // lives as long as main
}

const gmmpi::Communicator& test_world() {
  return *g_world;
}

int main(int argc, char** argv) {
  gmmpi::MpiSession session(&argc, &argv);
  const gmmpi::Communicator world = gmmpi::make_communicator(MPI_COMM_WORLD);
  g_world = &world;
  const int failed = Catch::Session().run(argc, argv);
  std::int64_t any = failed;
  world.max(std::span(&any, 1));
  return any != 0;
}
