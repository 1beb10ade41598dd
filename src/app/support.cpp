// Shared parts of the commands.
#include "app/support.hpp"

#include "app/say.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <numeric>

#include "data/binary.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/open_data.hpp"
#include "io/data_format.hpp"
#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi::app {

Execution make_execution(const Communicator& comm, const Options& options) {
  Execution execution{comm, default_threads(comm.node_size()), nullptr, nullptr};
  comm.together([&] {
    if (options.has("threads")) execution.n_threads = static_cast<int>(options.integer("threads", 1, 4096));
    execution.kernels = &select_kernels(options.has("simd") ? options.text("simd") : "auto");
  });
  return execution;
}

namespace {

/// The files that a command reads.
std::vector<std::string> input_paths(const Options& options) {
  std::vector<std::string> paths;
  for (const auto& [name, value] : options.arguments)
    if (name != "OUT") paths.push_back(parse_data_spec(value).path);
  for (const char* name : {"sample-weight", "errors", "labels", "init-labels", "init", "config"})
    if (options.has(name)) paths.push_back(parse_data_spec(options.text(name)).path);
  return paths;
}

/// Error 73 if `path` leads to one of the files that the command reads.
void check_no_input(const Options& options, const struct stat& status, const std::string& name) {
  struct stat input = {};
  for (const std::string& other : input_paths(options))
    if (::stat(other.c_str(), &input) == 0 && input.st_dev == status.st_dev && input.st_ino == status.st_ino)
      throw Error(ExitCode::cannot_create, name + ": is an input of this command; choose another file");
}

void check_folder(const std::string& path, const std::string& name) {
  struct stat status = {};
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    throw Error(ExitCode::cannot_create, name + ": there is no directory " + folder + "; create it first");
  if (::access(folder.c_str(), W_OK) != 0)
    throw Error(errno == EACCES ? ExitCode::no_permission : ExitCode::cannot_create,
                name + ": directory " + folder + " cannot be written; choose another place");
}

bool is_csv_or_npy(const std::string& path) {
  return path.ends_with(".csv") || path.ends_with(".npy");
}

}  // namespace

void check_output(const Execution& execution, const Options& options, const std::string& path,
                  bool may_replace, OutputKind kind) {
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    struct stat status = {};
    if (::stat(path.c_str(), &status) == 0) {
      if (S_ISDIR(status.st_mode))
        throw Error(ExitCode::cannot_create, path + ": is a directory; give a file name");
      check_no_input(options, status, path);
      if (!may_replace)
        throw Error(ExitCode::cannot_create, path + ": exists already; choose another name or give --force");
    }
    check_folder(path, path);
    if (kind == OutputKind::rows)
      output_format(path);
    else if (is_csv_or_npy(path))
      throw Error(ExitCode::usage, path + ": what is written is HDF5; give a name that ends in .h5");
  });
}

void check_log(const Execution& execution, const Options& options, const std::string& path) {
  execution.comm.together([&] {
    if (!execution.comm.is_root()) return;
    const std::string name = "--log-json " + path;
    struct stat status = {}, output = {};
    if (::stat(path.c_str(), &status) != 0) {
      check_folder(path, name);
      if (path != options.text("output")) return;
      output = status;
    } else {
      check_no_input(options, status, name);
      if (::access(path.c_str(), W_OK) != 0)
        throw Error(ExitCode::no_permission, name + ": cannot be written; choose another file");
      if (::stat(options.text("output").c_str(), &output) != 0) return;
    }
    if (status.st_dev == output.st_dev && status.st_ino == output.st_ino)
      throw Error(ExitCode::cannot_create, name + ": is the output; choose another file");
  });
}

bool already_written(const Execution& execution, const Options& options, const std::string& path,
                     const std::string& request) {
  std::int64_t same = 0;
  execution.comm.together([&] {
    struct stat status {};
    if (!execution.comm.is_root() || options.flag("force") || ::stat(path.c_str(), &status) != 0) return;
    const bool tells = !is_csv_or_npy(path);  // these do not hold the request
    if (!tells || request_of(path) != request)
      throw Error(ExitCode::cannot_create,
                  fmt::format("{}: exists already{}; choose another name or give --force", path,
                              tells ? " and is not what this command would write" : ""));
    same = 1;
    note("{} holds this already; --force writes it again\n", path);
  });
  execution.comm.max(std::span(&same, 1));
  return same != 0;
}

void check_rows(const Execution& execution, const Options& options, const Data& data, const Mixture& model) {
  const std::string& name = options.arguments.at("DATA");
  if (data.n_columns() != model.n_features)
    throw Error(ExitCode::bad_data,
                fmt::format("{}: {}, but the model {} has {}: give data with the columns that the "
                            "model was fitted to",
                            name, count_text(data.n_columns(), "column"), options.arguments.at("MODEL"),
                            model.n_features));
  if (model.component->is_binary()) require_binary(execution, data, name);
}

std::string written_text(const std::string& path) {
  return output_format(path) == DataFormat::hdf5 ? fmt::format("{}; next: gmmpi info {}", path, path) : path;
}

std::string next_fit_text(const std::string& path, int n_columns, int n_components, const std::string& model,
                          bool with_errors) {
  constexpr int most_numbers = 20;
  const DataFormat format = output_format(path);
  std::vector<int> columns(n_columns), errors(n_columns);
  std::iota(columns.begin(), columns.end(), 0);
  std::iota(errors.begin(), errors.end(), n_columns);
  if (format == DataFormat::csv && n_columns > most_numbers) return fmt::format("next: gmmpi info {}", path);
  std::string beside;
  if (format == DataFormat::csv) beside = fmt::format(" --columns {}", fmt::join(columns, ","));
  if (with_errors && format == DataFormat::csv) beside += fmt::format(" --errors {}", fmt::join(errors, ","));
  if (with_errors && format == DataFormat::hdf5) beside += " --errors " + path;
  return fmt::format("{}next: gmmpi fit {}{} -k {} -o {}",
                     format == DataFormat::npy
                         ? fmt::format("{} are in .h5 and .csv files only; ",
                                       with_errors ? "errors, true rows and labels" : "labels")
                         : "",
                     path, beside, n_components, model);
}

std::string how_rows_are_taken(const Options& options) {
  std::string text;
  for (const char* name : {"missing", "errors"})
    if (options.given.contains(name)) text += fmt::format(" --{} {}", name, options.text(name));
  return text;
}

std::string bytes_text(double bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int unit = 0;
  for (; bytes >= 1024.0 && unit < 5; ++unit) bytes /= 1024.0;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100.0 ? 0 : 1, units[unit]);
}

std::string count_text(std::int64_t n, const std::string& noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace gmmpi::app
