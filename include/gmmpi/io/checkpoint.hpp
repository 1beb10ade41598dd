// Checkpoints: the state of an unfinished fit as bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

/// A sound checkpoint, but of another fit: other data, or options that change numbers.
class CheckpointMismatch : public Error {
 public:
  explicit CheckpointMismatch(const std::string& message) : Error(ExitCode::checkpoint_refused, message) {}
};

/// The bytes of a checkpoint file: an HDF5 image of state, numeric options and data fingerprint, and a
/// trailer with its XXH3-128 checksum. Equal states give equal bytes.
std::vector<std::byte> encode_checkpoint(const FitState& state, const FitOptions& options,
                                         const DataSummary& data);

/// The state in such bytes, if it may be continued with these options and data. More iterations and a smaller
/// tolerance may be asked for in the first restart, more restarts always. Errors 76: damaged (bytes missing
/// or changed, of another format); CheckpointMismatch with both values.
FitState decode_checkpoint(std::span<const std::byte> bytes, const std::string& name,
                           const FitOptions& options, const DataSummary& data);

}  // namespace gmmpi
