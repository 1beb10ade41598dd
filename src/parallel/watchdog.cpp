// The roll call: rank 0 hears from everybody, then everybody hears from rank 0, or on_lost is called.
#include <chrono>
#include <thread>
#include <vector>

#include "parallel/communicator_impl.hpp"

namespace gmmpi {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPresent = 1, kGo = 2;  // message tags

/// Waits until all requests are complete; false after `seconds`.
bool wait_for(std::vector<MPI_Request>& requests, double seconds) {
  const auto begin = Clock::now();
  for (int done = 0;;) {
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (done) return true;
    const double waited = std::chrono::duration<double>(Clock::now() - begin).count();
    if (waited > seconds) return false;
    if (waited > 1e-3) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

std::string missing_ranks(std::vector<MPI_Request>& requests) {
  std::string text;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    int done = 0;
    MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE);
    if (!done) text += (text.empty() ? "rank " : ", ") + std::to_string(i + 1);
  }
  return text;
}

}  // namespace

void Communicator::Impl::call_roll() const {
  if (rank == 0) {
    std::vector<MPI_Request> present(size - 1);
    for (int r = 1; r < size; ++r) MPI_Irecv(nullptr, 0, MPI_BYTE, r, kPresent, comm, &present[r - 1]);
    if (!wait_for(present, patience)) on_lost(missing_ranks(present));
    for (int r = 1; r < size; ++r) MPI_Send(nullptr, 0, MPI_BYTE, r, kGo, comm);
    return;
  }
  std::vector<MPI_Request> answer(2);
  MPI_Irecv(nullptr, 0, MPI_BYTE, 0, kGo, comm, &answer[0]);
  MPI_Isend(nullptr, 0, MPI_BYTE, 0, kPresent, comm, &answer[1]);
  // Rank 0 knows who is missing, so it is given time to speak first.
  if (!wait_for(answer, 1.5 * patience + 2.0)) on_lost("rank 0, or those it waits for,");
}

void Communicator::Impl::complete(MPI_Request request) const {
  std::vector<MPI_Request> requests{request};
  if (!wait_for(requests, patience)) on_lost("a rank that stalled in the middle of a reduction");
}

}  // namespace gmmpi
