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

/// In single quotes.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
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
  if (shell != "bash" && shell != "fish")
    throw Error(ExitCode::usage, "completion: '" + shell + "' is unknown; choose bash or fish");
  say("{}", shell == "fish" ? fish_script() : bash_script());
}

}  // namespace gmmpi::app
