// The commands of the program. Each is collective and throws gmmpi::Error on all ranks together; signals ask
// `stop`, which execution.stop points to, to stop.
#pragma once

#include "app/options.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

void fit_command(const Execution& execution, const Options& options, StopRequest& stop);
void select_command(const Execution& execution, const Options& options, StopRequest& stop);
void score_command(const Execution& execution, const Options& options, StopRequest& stop);
void predict_command(const Execution& execution, const Options& options, StopRequest& stop);
void sample_command(const Execution& execution, const Options& options, StopRequest& stop);
void simulate_command(const Execution& execution, const Options& options, StopRequest& stop);
void marginal_command(const Execution& execution, const Options& options, StopRequest& stop);
void condition_command(const Execution& execution, const Options& options, StopRequest& stop);
void regress_command(const Execution& execution, const Options& options, StopRequest& stop);
void denoise_command(const Execution& execution, const Options& options, StopRequest& stop);
void impute_command(const Execution& execution, const Options& options, StopRequest& stop);
void pca_command(const Execution& execution, const Options& options, StopRequest& stop);
void transform_command(const Execution& execution, const Options& options, StopRequest& stop);
void compare_command(const Execution& execution, const Options& options, StopRequest& stop);
void info_command(const Execution& execution, const Options& options, StopRequest& stop);
void selftest_command(const Execution& execution, const Options& options, StopRequest& stop);
void convert_command(const Execution& execution, const Options& options, StopRequest& stop);

/// Texts made from the tables of commands and options; they need no MPI.
void man_command(const Execution& execution, const Options& options, StopRequest& stop);
void completion_command(const Execution& execution, const Options& options, StopRequest& stop);

/// Not collective, and called before MPI begins: the process becomes Python, which reads the words after
/// `plot`. Error 66 if Python cannot be started.
[[noreturn]] void plot_command(int argc, char** argv);

}  // namespace gmmpi::app
