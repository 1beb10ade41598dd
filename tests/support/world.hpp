// The communicator that the test program runs under: one process, or all ranks of mpirun.
#pragma once

#include "gmmpi/parallel/communicator.hpp"

const gmmpi::Communicator& test_world();
