// Parsing: CLI11 reads the command line, then environment, configuration file and defaults fill the rest.
#include "app/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <utility>

#include "app/option_table.hpp"
#include "gmmpi/error.hpp"
#include "io/posix_file.hpp"

namespace gmmpi::app {

namespace {

[[noreturn]] void usage_error(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

std::string flags_of(const OptionSpec& o) {
  return (o.short_name.empty() ? "" : "-" + o.short_name + ",") + "--" + o.name;
}

/// "n-components" to "GMMPI_N_COMPONENTS".
std::string environment_name(const std::string& name) {
  std::string text = "GMMPI_";
  for (const char c : name)
    text += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Where CLI11 puts what it found, per command.
struct Parsed {
  CLI::App* app = nullptr;
  std::map<std::string, std::string> arguments, values;
  std::map<std::string, bool> flags;
};

void add_command(CLI::App& app, const CommandSpec& command, Parsed& parsed) {
  parsed.app = app.add_subcommand(command.name, command.summary);
  parsed.app->footer("\n" + command.details);
  for (const ArgumentSpec& argument : command.arguments)
    parsed.app->add_option(argument.name, parsed.arguments[argument.name], argument.help)
        ->required()
        ->option_text(" ");
  for (const OptionSpec& o : options_of(command.name)) {
    if (o.metavar.empty()) {
      parsed.app->add_flag(flags_of(o), parsed.flags[o.name], o.help);
      continue;
    }
    const std::string shown = o.metavar + (o.required                ? " (required)"
                                           : o.default_value.empty() ? ""
                                                                     : " [" + o.default_value + "]");
    parsed.app->add_option(flags_of(o), parsed.values[o.name], o.help)->option_text(shown);
  }
}

std::map<std::string, std::string> read_config(const std::string& path, const std::string& command) {
  { const InputFile readable(path, "--config " + path); }
  std::ifstream file(path);
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_config(file);
  } catch (const CLI::Error& e) {
    usage_error("--config " + path + ": " + e.what());
  }
  std::map<std::string, std::string> values;
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // CLI11's marks of a section's begin and end
    if (!item.parents.empty() && item.parents.front() != command) continue;
    std::string name = item.name;
    std::ranges::replace(name, '_', '-');
    const bool known =
        std::ranges::any_of(option_table(), [&](const OptionSpec& o) { return o.name == name; });
    if (!known)
      usage_error("--config " + path + ": unknown option '" + item.name + "'; see gmmpi " + command +
                  " --help");
    if (item.inputs.size() != 1)
      usage_error("--config " + path + ": option '" + item.name + "' needs one value");
    values[name] = item.inputs.front();
  }
  return values;
}

bool truth(const std::string& name, const std::string& text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off" || text.empty()) return false;
  usage_error(name + ": '" + text + "' is neither true nor false");
}

/// Flag over environment over configuration file over default.
void resolve(const Parsed& parsed, Options& options) {
  std::map<std::string, std::string> given, config;
  for (const OptionSpec& o : options_of(options.command)) {
    const char* environment = std::getenv(environment_name(o.name).c_str());
    if (parsed.app->count("--" + o.name) > 0)
      given[o.name] =
          o.metavar.empty() ? (parsed.flags.at(o.name) ? "true" : "false") : parsed.values.at(o.name);
    else if (environment)
      given[o.name] = environment;
  }
  if (given.contains("config")) config = read_config(given["config"], options.command);
  for (const OptionSpec& o : options_of(options.command)) {
    std::string value = o.default_value;
    if (given.contains(o.name))
      value = given[o.name];
    else if (config.contains(o.name))
      value = config[o.name];
    if (given.contains(o.name) || config.contains(o.name)) options.given.insert(o.name);
    if (o.metavar.empty()) value = truth("--" + o.name, value) ? "true" : "";
    if (!value.empty())
      options.values[o.name] = value;
    else if (o.required)
      usage_error(flags_of(o).substr(0, flags_of(o).find(',')) + " " + o.metavar + " is missing (" + o.help +
                  "); see gmmpi " + options.command + " --help");
  }
}

/// The commands that know the option, as a list.
std::string commands_with(const std::string& name) {
  std::set<std::string> commands;
  for (const CommandSpec& command : command_table())
    for (const OptionSpec& o : options_of(command.name))
      if (o.name == name || (!o.short_name.empty() && o.short_name == name))
        commands.insert("gmmpi " + command.name);
  return fmt::format("{}", fmt::join(commands, ", "));
}

/// How many characters must be put in, taken out or replaced (Levenshtein 1966).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j)
      diagonal = std::exchange(row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, diagonal + (a[i] != b[j])}));
  }
  return row.back();
}

/// The command's option whose name is nearest; "" if none is near.
std::string nearest_option(const std::string& command, const std::string& name) {
  std::string nearest;
  std::size_t least = 3;
  for (const OptionSpec& o : options_of(command))
    if (const std::size_t d = distance(name, o.name); d < least) {
      least = d;
      nearest = "--" + o.name;
    }
  return nearest;
}

/// Error 64 about the first word of a command line that nobody asked for.
[[noreturn]] void unexpected(const std::string& command, const std::vector<std::string>& words) {
  const std::string word = words.empty() ? "" : words.front();
  const std::string option = word.substr(0, word.find('='));
  const std::string name = option.substr(std::min(option.find_first_not_of('-'), option.size()));
  if (command.empty() || !word.starts_with('-') || name.empty())
    usage_error(fmt::format("gmmpi {}: '{}' was not expected; see gmmpi {} --help", command, word, command));
  const std::string others = commands_with(name), nearest = nearest_option(command, name);
  usage_error(fmt::format("{} is no option of gmmpi {}{}; {}see gmmpi {} --help", option, command,
                          others.empty() ? "" : ", but of " + others,
                          !others.empty() || nearest.empty() ? "" : "did you mean " + nearest + "? Else ",
                          command));
}

}  // namespace

bool Options::flag(const std::string& name) const {
  return text(name) == "true";
}

std::string Options::text(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

std::int64_t Options::integer(const std::string& name, std::int64_t least, std::int64_t most) const {
  const std::string value = text(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size())
    usage_error("--" + name + ": '" + value + "' is not a whole number");
  if (number < least || number > most)
    usage_error("--" + name + " " + value + " is out of range; it must be at least " + std::to_string(least) +
                (most == INT64_MAX ? "" : " and at most " + std::to_string(most)));
  return number;
}

double Options::number(const std::string& name, double least) const {
  const std::string value = text(name);
  double number = 0.0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(number))
    usage_error("--" + name + ": '" + value + "' is not a finite number");
  if (number < least) usage_error("--" + name + " " + value + " is out of range; it must not be negative");
  return number;
}

double Options::duration(const std::string& name) const {
  static const std::map<std::string, double> units{
      {"s", 1.0}, {"min", 60.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}};
  const std::string value = text(name);
  double number = 0.0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const auto unit = units.find(end);
  if (error != std::errc() || unit == units.end() || !(number > 0.0) || !std::isfinite(number))
    usage_error("--" + name + ": '" + value +
                "' is not a time; write a positive number and s, min, h or d, such as 10min");
  return number * unit->second;
}

std::int64_t Options::size(const std::string& name) const {
  static const std::map<std::string, int> units{{"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}};
  const std::string value = text(name);
  double number = 0.0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  std::string unit = end;
  if (unit.ends_with("iB")) unit.resize(unit.size() - 2);
  const auto found = units.find(unit);
  if (error != std::errc() || found == units.end() || !(number > 0.0) ||
      !(std::ldexp(number, found->second) < 0x1p62))
    usage_error("--" + name + ": '" + value +
                "' is not an amount of memory; write a positive number and K, M, G or T, such as 8G");
  return static_cast<std::int64_t>(std::ldexp(number, found->second));
}

std::string Options::choice(const std::string& name, const std::vector<std::string>& choices) const {
  const std::string value = text(name);
  std::string known;
  for (const std::string& choice : choices) {
    if (choice == value) return value;
    known += (known.empty() ? "" : ", ") + choice;
  }
  usage_error("--" + name + ": '" + value + "' is unknown; choose one of " + known);
}

std::optional<Options> parse_command_line(int argc, const char* const* argv, std::string& help) {
  CLI::App app("gmmpi: Gaussian mixture models by distributed Expectation-Maximisation", "gmmpi");
  app.set_version_flag("--version", "gmmpi " GMMPI_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "\nRun alone, or on P processes with mpirun -n P gmmpi COMMAND ...\n"
      "Every option can also be set by the environment (GMMPI_SEED=1) or a TOML file (--config).\n"
      "gmmpi COMMAND --help shows the options of a command.");
  std::map<std::string, Parsed> parsed;
  for (const CommandSpec& command : command_table()) add_command(app, command, parsed[command.name]);
  if (argc > 1 && argv[1][0] != '-' && !parsed.contains(argv[1]))
    usage_error(fmt::format("unknown command '{}'; see gmmpi --help", argv[1]));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    help = chosen.empty() ? app.help() : chosen.front()->help("gmmpi");
    return std::nullopt;
  } catch (const CLI::CallForVersion& e) {
    help = std::string(e.what()) + "\n";
    return std::nullopt;
  } catch (const CLI::ExtrasError&) {
    const auto chosen = app.get_subcommands();
    unexpected(chosen.empty() ? "" : chosen.front()->get_name(), app.remaining(true));
  } catch (const CLI::ParseError& e) {
    std::string message = e.what();
    std::ranges::replace(message, '\n', ' ');
    usage_error(message + "; see gmmpi --help");
  }
  Options options;
  options.command = app.get_subcommands().front()->get_name();
  const Parsed& chosen = parsed[options.command];
  options.arguments = chosen.arguments;
  resolve(chosen, options);
  return options;
}

}  // namespace gmmpi::app
