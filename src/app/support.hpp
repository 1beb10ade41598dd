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

/// A model, which is HDF5, or rows, whose format the name tells.
enum class OutputKind { model, rows };

/// Collective. Error 64 if `path` has the name of a format in which such an output is not written; 73 if it
/// exists, unless `may_replace`; 73 if it is one of the command's inputs; 73 or 77 if it cannot be written
/// there. An output is replaced only when the new one is complete.
void check_output(const Execution& execution, const Options& options, const std::string& path,
                  bool may_replace, OutputKind kind = OutputKind::model);

/// "OUT; next: gmmpi info OUT" for results in HDF5, else "OUT".
std::string written_text(const std::string& path);

/// What may come after rows of `n_columns` columns, their errors if there are any, and their labels were
/// written to `path`: a fit of K components, without the labels, and a remark where the file has none.
std::string next_fit_text(const std::string& path, int n_columns, int n_components, const std::string& model,
                          bool with_errors = false);

/// " --missing HOW --errors ERRORS", of what was given, for commands that may come next with the same rows.
std::string how_rows_are_taken(const Options& options);

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
