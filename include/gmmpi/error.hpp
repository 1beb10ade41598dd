// The one exception type of gmmpi: a message for the user and the exit code that goes with it.
#pragma once

#include <stdexcept>
#include <string>

namespace gmmpi {

/// Exit codes of the program (sysexits.h where it has one).
enum class ExitCode : int {
  ok = 0,
  usage = 64,
  bad_data = 65,
  no_input = 66,
  internal = 70,
  no_memory = 71,
  cannot_create = 73,
  io_failed = 74,
  stopped_early = 75,
  checkpoint_refused = 76,
  no_permission = 77,
  numerical = 79,
};

/// Thrown by every part of the library. `what()` is one line that names the file, dataset, row or
/// option, says why, and gives the way out.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace gmmpi
