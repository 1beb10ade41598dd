// make_execution.
#include "gmmpi/gmmpi.hpp"

#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

Execution make_execution(const Communicator& comm, int n_threads, const std::string& simd) {
  return {comm, n_threads > 0 ? n_threads : default_threads(comm.node_size()), &select_kernels(simd)};
}

}  // namespace gmmpi
