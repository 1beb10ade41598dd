// The one table of options: it drives parsing, help, environment, configuration file and the echo into files.
#pragma once

#include <string>
#include <vector>

namespace gmmpi::app {

struct OptionSpec {
  std::string name;           ///< long name without dashes: "n-components"
  std::string short_name;     ///< "k", or empty
  std::string metavar;        ///< what the value is: "K"; empty: a flag
  std::string default_value;  ///< as the user would write it; empty: none
  std::string commands;       ///< blank-separated names of the commands that take it
  std::string help;
  bool required = false;
};

struct ArgumentSpec {
  std::string name, help;
};

struct CommandSpec {
  std::string name;
  std::vector<ArgumentSpec> arguments;  ///< positional, all required
  std::string summary;                  ///< one line
  std::string details;                  ///< shown below the options: examples
};

const std::vector<CommandSpec>& command_table();
const std::vector<OptionSpec>& option_table();
/// The options that `command` takes, in the order of the table.
std::vector<OptionSpec> options_of(const std::string& command);

}  // namespace gmmpi::app
