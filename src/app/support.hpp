// What the commands share: execution, existing outputs, texts.
#pragma once

#include <string>

#include "app/options.hpp"
#include "gmmpi/data/data.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

/// Threads and kernels as the options say. Error 64.
Execution make_execution(const Communicator& comm, const Options& options);

/// Collective. Error 64 if --output has the name of a csv or npy file, which it is not; 73 if `path` exists,
/// unless `may_replace`; 73 if it is one of the command's inputs; 73
/// or 77 if it cannot be written there. An output is replaced only when the new one is complete.
void check_output(const Execution& execution, const Options& options, const std::string& path,
                  bool may_replace);

/// Collective. As check_output for a file that is appended to: it may exist, but not be an input or the
/// output.
void check_log(const Execution& execution, const Options& options, const std::string& path);

/// Collective. True, and said so, if `path` is an output of the same `request` (see request_text) and --force
/// is not given.
bool already_written(const Execution& execution, const Options& options, const std::string& path,
                     const std::string& request);

/// Collective. Error 65 unless the data have as many columns as the model, and zeros and ones only where that
/// is a Bernoulli mixture.
void check_rows(const Execution& execution, const Options& options, const Data& data, const Mixture& model);

/// "1.5 GiB"
std::string bytes_text(double bytes);
/// "1 rank", "3 ranks"
std::string count_text(std::int64_t n, const std::string& noun);

}  // namespace gmmpi::app
