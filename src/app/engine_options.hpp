// The options of the command line that engines bring with them, and what its help says of engines.
#pragma once

#include <string>
#include <vector>

#include "app/option_table.hpp"
#include "app/options.hpp"
#include "gmmpi/em/engine.hpp"

namespace gmmpi::app {

std::vector<std::string> engine_names();

/// "em: Expectation-Maximisation; hard: ...".
std::string engine_help();

/// "auto: 1000, stepwise 3, sequential 1": what --max-iter auto is.
std::string usual_max_iter_help();

/// One for each name that an engine's options have: --batches, ...
std::vector<OptionSpec> engine_option_specs(const std::string& commands);

/// The engine's own options as they are given. Error 64: out of range, or another engine's.
EngineOptions read_engine_options(const Options& options, const Engine& engine);

}  // namespace gmmpi::app
