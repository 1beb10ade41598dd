// gmmpi plot: hands over to Python, which draws.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "app/commands.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi::app {

namespace {

/// What Python is to run: the file of an installation or of the source tree around this program, else the
/// module that Python may have.
std::vector<std::string> entry_point(const std::filesystem::path& program) {
  const std::filesystem::path folder = program.parent_path();
  for (const char* place : {"../share/gmmpi/python", "../../scripts/python"}) {
    const std::filesystem::path file = folder / place / "gmmpi/plot/__main__.py";
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) return {file.lexically_normal().string()};
  }
  return {"-m", "gmmpi.plot"};
}

}  // namespace

void plot_command(int argc, char** argv) {
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  ::setenv("GMMPI_PROGRAM", program.c_str(), 0);  // pictures of EM steps run it
  const char* chosen = std::getenv("GMMPI_PYTHON");
  std::vector<std::string> words{chosen ? chosen : "python3"};
  for (const std::string& word : entry_point(program)) words.push_back(word);
  words.insert(words.end(), argv + 2, argv + argc);

  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  throw Error(
      ExitCode::no_input,
      fmt::format("plot: {} cannot be started ({}); apt-get install python3-h5py python3-matplotlib, or "
                  "set GMMPI_PYTHON to another Python",
                  words[0], std::strerror(errno)));
}

}  // namespace gmmpi::app
