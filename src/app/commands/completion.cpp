// gmmpi completion: scripts that complete the command line, made from the tables of commands and options.
#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/option_table.hpp"
#include "app/say.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

/// Commands first, then the options of the command; everything else is completed as a file name.
std::string bash_script() {
  std::string commands, cases;
  for (const CommandSpec& command : command_table()) {
    commands += command.name + " ";
    std::string words;
    for (const OptionSpec& o : options_of(command.name)) {
      words += "--" + o.name + " ";
      if (!o.short_name.empty()) words += "-" + o.short_name + " ";
    }
    cases += fmt::format("    {}) words='{}--help' ;;\n", command.name, words);
  }
  return "# Completion of gmmpi for bash, made by: gmmpi completion bash\n"
         "_gmmpi() {\n"
         "  local words='' word=${COMP_WORDS[COMP_CWORD]}\n"
         "  COMPREPLY=()\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    words='" +
         commands +
         "--help --version'\n"
         "  elif [[ $word != -* ]]; then\n"
         "    return\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _gmmpi gmmpi\n";
}

/// `text` with a backslash before each of these characters.
std::string escaped(const std::string& text, const std::string& characters) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

/// In single quotes, in which zsh knows no escapes.
std::string zsh_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string zsh_script() {
  std::string commands, cases;
  for (const CommandSpec& command : command_table()) {
    commands += fmt::format("    {}\n", zsh_quoted(command.name + ":" + command.summary));
    cases += fmt::format("    {}) options+=(\n", command.name);
    for (const OptionSpec& o : options_of(command.name)) {
      const std::string help = fmt::format("[{}]", escaped(o.help, "[]\\"));
      const std::string value = o.metavar.empty() ? "" : fmt::format(":{}:_files", escaped(o.metavar, ":\\"));
      cases +=
          fmt::format("      {}\n", zsh_quoted("--" + o.name + (value.empty() ? "" : "=") + help + value));
      if (!o.short_name.empty())
        cases += fmt::format("      {}\n", zsh_quoted("-" + o.short_name + help + value));
    }
    cases += "    ) ;;\n";
  }
  return "#compdef gmmpi\n"
         "# Completion of gmmpi for zsh, made by: gmmpi completion zsh\n"
         "_gmmpi() {\n"
         "  local -a commands=(\n" +
         commands +
         "  ) options=('--help[how to use it]' '*:file:_files')\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    _arguments '--help[how to use it]' '--version[which one this is]'\n"
         "    return\n"
         "  fi\n"
         "  case $words[2] in\n" +
         cases +
         "  esac\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  _arguments -s $options\n"
         "}\n"
         "if [[ $funcstack[1] == _gmmpi ]]; then _gmmpi; else compdef _gmmpi gmmpi; fi\n";
}

/// In single quotes.
std::string fish_quoted(const std::string& text) {
  return fmt::format("'{}'", escaped(text, "'\\"));
}

std::string fish_script() {
  std::string out = "# Completion of gmmpi for fish, made by: gmmpi completion fish\n";
  for (const CommandSpec& command : command_table()) {
    out += fmt::format("complete -c gmmpi -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                       fish_quoted(command.summary));
    for (const OptionSpec& o : options_of(command.name))
      out += fmt::format("complete -c gmmpi -n '__fish_seen_subcommand_from {}'{} -l {}{} -d {}\n",
                         command.name, o.short_name.empty() ? "" : " -s " + o.short_name, o.name,
                         o.metavar.empty() ? "" : " -r", fish_quoted(o.help));
  }
  return out;
}

}  // namespace

void completion_command(const Execution&, const Options& options, StopRequest&) {
  const std::string shell = options.arguments.at("SHELL");
  if (shell == "bash")
    say("{}", bash_script());
  else if (shell == "fish")
    say("{}", fish_script());
  else if (shell == "zsh")
    say("{}", zsh_script());
  else
    throw Error(ExitCode::usage, "completion: '" + shell + "' is unknown; choose bash, fish or zsh");
}

}  // namespace gmmpi::app
