// The commands of the program. Each is collective and throws gmmpi::Error on all ranks together.
#pragma once

#include "app/options.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

void fit_command(const Execution& execution, const Options& options);
void score_command(const Execution& execution, const Options& options);
void predict_command(const Execution& execution, const Options& options);
void sample_command(const Execution& execution, const Options& options);
void info_command(const Execution& execution, const Options& options);
void convert_command(const Execution& execution, const Options& options);

}  // namespace gmmpi::app
