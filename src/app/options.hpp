// The resolved options of one command: flag over environment over configuration file over default.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gmmpi::app {

class Options {
 public:
  std::string command;
  std::map<std::string, std::string> arguments;  ///< positional, by name
  std::map<std::string, std::string> values;  ///< every option that has a value, by long name; flags: "true"
  std::set<std::string> given;                ///< those of them whose value is not merely the default

  bool has(const std::string& name) const { return values.contains(name); }
  bool flag(const std::string& name) const;
  /// The value as text; "" if there is none.
  std::string text(const std::string& name) const;
  /// Throw Error 64 naming the option unless the value is such a number within [least, most].
  std::int64_t integer(const std::string& name, std::int64_t least, std::int64_t most = INT64_MAX) const;
  double number(const std::string& name, double least) const;
  /// Seconds of a value such as 90s, 10min, 3.9h or 2d. Error 64.
  double duration(const std::string& name) const;
  /// Bytes of a value such as 500M, 8G or 1.5TiB (units of 1024). Error 64.
  std::int64_t size(const std::string& name) const;
  /// Throws Error 64 unless the value is one of `choices`.
  std::string choice(const std::string& name, const std::vector<std::string>& choices) const;
};

/// Parses the command line. Help or version asked for: returns none, with the text to print in `help`.
/// Throws Error 64, or 66 and 77 for the configuration file.
std::optional<Options> parse_command_line(int argc, const char* const* argv, std::string& help);

}  // namespace gmmpi::app
