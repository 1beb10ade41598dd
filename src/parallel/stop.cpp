// StopRequest: naming the reason.
#include "gmmpi/parallel/stop.hpp"

#include <csignal>
#include <cstring>

namespace gmmpi {

std::string StopRequest::reason() const {
  if (!signalled()) return deadline_reason_;
  const char* name = ::sigabbrev_np(signal_.load(std::memory_order_relaxed));
  return std::string("signal SIG") + (name ? name : "?");
}

}  // namespace gmmpi
