// gmmpi man: manual pages in roff, made from the tables of commands and options.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "app/commands.hpp"
#include "app/option_table.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

constexpr const char* kSummary = "Gaussian mixture models by distributed Expectation-Maximisation";

struct Meaning {
  ExitCode code;
  const char* text;
};
constexpr Meaning kExitCodes[] = {{ExitCode::ok, "done (also without convergence, with a warning)"},
                                  {ExitCode::usage, "wrong option or argument"},
                                  {ExitCode::bad_data, "bad data or model"},
                                  {ExitCode::no_input, "input is missing"},
                                  {ExitCode::internal, "internal error, please report it"},
                                  {ExitCode::no_memory, "not enough memory"},
                                  {ExitCode::cannot_create, "output cannot be created, or exists"},
                                  {ExitCode::io_failed, "reading or writing failed"},
                                  {ExitCode::stopped_early, "stopped early, checkpoint saved: run again"},
                                  {ExitCode::checkpoint_refused, "checkpoint refused"},
                                  {ExitCode::no_permission, "no permission"},
                                  {ExitCode::numerical, "numerical failure"}};

/// Text as roff takes it: nothing in it is an instruction.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool line_begins = out.empty() || out.back() == '\n';
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string bold(const std::string& text) {
  return fmt::format("\\fB{}\\fR", roff(text));
}

std::string italic(const std::string& text) {
  return fmt::format("\\fI{}\\fR", roff(text));
}

std::string page_title(const std::string& page) {
  std::string upper;
  for (const char c : page) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format(".TH {} 1 \"\" \"gmmpi {}\" \"User Commands\"\n", roff(upper), GMMPI_VERSION);
}

/// Prose, with indented lines as they are.
std::string paragraphs(const std::string& text) {
  std::string out;
  bool as_is = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool indented = line.starts_with(' ');
    if (indented != as_is) out += indented ? ".PP\n.nf\n" : ".fi\n.PP\n";
    as_is = indented;
    out += roff(line) + "\n";
  }
  return out + (as_is ? ".fi\n" : "");
}

std::string option_entry(const OptionSpec& o) {
  const std::string value = o.metavar.empty() ? "" : fmt::format(" {}", italic(o.metavar));
  std::string out = ".TP\n";
  if (!o.short_name.empty()) out += bold("-" + o.short_name) + value + ", ";
  out += bold("--" + o.name) + value + "\n" + roff(o.help);
  if (o.required) out += "; required";
  if (!o.default_value.empty()) out += " (default " + bold(o.default_value) + ")";
  return out + "\n";
}

std::string exit_status() {
  std::string out = ".SH EXIT STATUS\n";
  for (const Meaning& m : kExitCodes)
    out += fmt::format(".TP\n{}\n{}\n", bold(std::to_string(static_cast<int>(m.code))), roff(m.text));
  return out +
         ".PP\nAn error is one line on standard error that starts with \"gmmpi: error: \" and says what is "
         "wrong, where, and the way out.\n";
}

std::string see_also(const std::string& page) {
  std::string pages = page == "gmmpi" ? "" : bold("gmmpi") + "(1)";
  for (const CommandSpec& command : command_table())
    if (const std::string name = "gmmpi-" + command.name; name != page)
      pages += (pages.empty() ? "" : ", ") + bold(name) + "(1)";
  return ".SH SEE ALSO\n" + pages + "\n";
}

std::string main_page() {
  std::string out = page_title("gmmpi");
  out += fmt::format(".SH NAME\ngmmpi \\- {}\n", roff(kSummary));
  out += fmt::format(".SH SYNOPSIS\n{} {} ...\n.br\n{} {} {} {} ...\n", bold("gmmpi"), italic("COMMAND"),
                     bold("mpirun -n"), italic("P"), bold("gmmpi"), italic("COMMAND"));
  out +=
      ".SH DESCRIPTION\nFits mixtures to data on one or many machines, and uses them. The same program, data "
      "and options give the same model, bit for bit, on any number of processes and threads; what was "
      "interrupted is resumed to the same bits.\n.SH COMMANDS\n";
  for (const CommandSpec& command : command_table()) {
    out += fmt::format(".TP\n{}", bold(command.name));
    for (const ArgumentSpec& argument : command.arguments) out += fmt::format(" {}", italic(argument.name));
    out += fmt::format("\n{}\n", roff(command.summary));
  }
  out += fmt::format(
      ".SH ENVIRONMENT\n.TP\n{}\nEvery option can be set by a variable ({}) or in a TOML file ({}); the "
      "command "
      "line comes first, then the variable, then the file.\n",
      bold("GMMPI_..."), bold("GMMPI_SEED=1"), bold("--config"));
  out += fmt::format(".TP\n{}\nthreads of each process, where {} is not given.\n", bold("OMP_NUM_THREADS"),
                     bold("--threads"));
  out += fmt::format(".TP\n{}\nthe Python that draws pictures (default {}).\n", bold("GMMPI_PYTHON"),
                     bold("python3"));
  return out + exit_status() + see_also("gmmpi");
}

std::string command_page(const CommandSpec& command) {
  const std::string page = "gmmpi-" + command.name;
  std::string out = page_title(page) + ".SH NAME\n" + roff(page) + " \\- " + roff(command.summary) +
                    "\n.SH SYNOPSIS\n" + bold("gmmpi " + command.name);
  const std::vector<OptionSpec> options = options_of(command.name);
  for (const ArgumentSpec& argument : command.arguments) out += fmt::format(" {}", italic(argument.name));
  for (const OptionSpec& o : options)
    if (o.required)
      out += fmt::format(" {} {}", bold(o.short_name.empty() ? "--" + o.name : "-" + o.short_name),
                         italic(o.metavar));
  if (!options.empty()) out += fmt::format(" [{}]", italic("options"));
  out += fmt::format("\n.SH DESCRIPTION\n{}.SH ARGUMENTS\n", paragraphs(command.details));
  for (const ArgumentSpec& argument : command.arguments)
    out += fmt::format(".TP\n{}\n{}\n", italic(argument.name), roff(argument.help));
  if (!options.empty()) out += ".SH OPTIONS\n";
  for (const OptionSpec& o : options) out += option_entry(o);
  return out + exit_status() + see_also(page);
}

void write_page(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text) || !file.flush())
    throw Error(errno == EACCES ? ExitCode::no_permission : ExitCode::cannot_create,
                path + ": cannot be written (" + std::strerror(errno) + "); give a folder that exists");
}

}  // namespace

void man_command(const Execution&, const Options& options, StopRequest&) {
  const std::string folder = options.arguments.at("FOLDER");
  write_page(folder + "/gmmpi.1", main_page());
  for (const CommandSpec& command : command_table())
    write_page(folder + "/gmmpi-" + command.name + ".1", command_page(command));
}

}  // namespace gmmpi::app
