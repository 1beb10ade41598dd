// Which format a data file has, by its content or (to be written) by its name.
#include "io/data_format.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "gmmpi/error.hpp"
#include "io/foreign_formats.hpp"
#include "io/npy_header.hpp"
#include "io/posix_file.hpp"

namespace gmmpi {

namespace {

/// "h5" of "Iris.H5"; empty without one.
std::string extension_of(const std::string& path) {
  const std::size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] == '/') return "";
  std::string extension = path.substr(dot + 1);
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool is_hdf5_extension(const std::string& extension) {
  constexpr std::array<const char*, 4> known{"h5", "hdf5", "hdf", "he5"};
  return std::find(known.begin(), known.end(), extension) != known.end();
}

/// HDF5's signature stands at byte 0, or behind a user block at 512, 1024, 2048 ...
bool has_hdf5_signature(const InputFile& file) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  std::array<char, 8> bytes{};
  for (std::int64_t at = 0; at < file.size(); at = at == 0 ? 512 : 2 * at)
    if (file.read_some(at, std::as_writable_bytes(std::span(bytes))) == bytes.size() &&
        std::string_view(bytes.data(), bytes.size()) == signature)
      return true;
  return false;
}

[[noreturn]] void bad_file(const std::string& subject, const std::string& problem,
                           const std::string& remedy) {
  throw Error(ExitCode::bad_data, fmt::format("{}: {}: {}", subject, problem, remedy));
}

}  // namespace

/// The content decides; the extension only says what was expected.
DataFormat detect_format(const DataSpec& spec, const std::string& name) {
  const std::string& subject = name.empty() ? spec.path : name;
  if (spec.path.empty()) throw Error(ExitCode::no_input, "no data file is named: give its path");
  const InputFile file(spec.path, subject);
  if (has_hdf5_signature(file)) return DataFormat::hdf5;
  std::array<char, 4096> start{};
  const std::string_view head(start.data(), file.read_some(0, std::as_writable_bytes(std::span(start))));
  const std::string extension = extension_of(spec.path);
  const bool is_npy = head.starts_with(kNpyMagic);
  const bool is_text = !is_npy && head.find('\0') == std::string_view::npos;
  if (const std::optional<ForeignFormat> foreign = foreign_format(head))
    bad_file(subject, "this is " + foreign->name, foreign->remedy);
  if (is_hdf5_extension(extension))
    bad_file(subject,
             is_text ? "not an HDF5 file (it looks like text)" : "not an HDF5 file (no HDF5 signature)",
             is_text ? "name a text file .csv" : "check the program that wrote it");
  if (!spec.dataset.empty())
    bad_file(subject, fmt::format("not an HDF5 file, so it has no dataset {}", spec.dataset),
             "leave the dataset out, or name an HDF5 file");
  if (is_npy) return DataFormat::npy;
  if (extension == "npy")
    bad_file(subject, "not a npy file (it does not start like one)",
             is_text ? "name a text file .csv" : "check the program that wrote it");
  if (!is_text) bad_file(subject, "neither HDF5 nor npy nor text", "convert it to one of these");
  return DataFormat::csv;
}

DataFormat detect_format(const Communicator& comm, const DataSpec& spec, const std::string& subject) {
  std::int64_t format = 0;
  comm.together([&] {
    if (comm.is_root()) format = static_cast<std::int64_t>(detect_format(spec, subject));
  });
  comm.max(std::span(&format, 1));
  return static_cast<DataFormat>(format);
}

DataFormat format_of_extension(const DataSpec& spec) {
  const std::string extension = extension_of(spec.path);
  if (extension == "h5" || extension == "hdf5") return DataFormat::hdf5;
  if (!spec.dataset.empty())
    throw Error(ExitCode::usage,
                fmt::format("{}: only HDF5 files hold datasets: end the file's name in .h5, or leave "
                            "out {}",
                            spec.text, spec.dataset));
  if (extension == "npy") return DataFormat::npy;
  if (extension == "csv") return DataFormat::csv;
  throw Error(
      ExitCode::usage,
      fmt::format("{}: its name does not say which format to write: end it in .h5, .npy or .csv", spec.text));
}

DataFormat output_format(const std::string& path) {
  constexpr std::array others{"txt",     "tsv",   "tab", "dat",  "json", "npz", "parquet",
                              "feather", "arrow", "xls", "xlsx", "ods",  "gz",  "bz2",
                              "xz",      "zst",   "zip", "fits", "mat",  "rds", "pkl"};
  const std::string extension = extension_of(path);
  if (extension == "csv") return DataFormat::csv;
  if (extension == "npy") return DataFormat::npy;
  if (std::ranges::find(others, extension) != others.end())
    throw Error(
        ExitCode::usage,
        fmt::format("{}: .{} is not written: give a name that ends in .csv, .npy or .h5", path, extension));
  return DataFormat::hdf5;
}

/// A dataset's name may have colons, and so may a path: the first one behind the name of an HDF5 file counts,
/// else the last.
DataSpec parse_data_spec(const std::string& text) {
  std::size_t colon = text.find(':');
  while (colon != std::string::npos && !is_hdf5_extension(extension_of(text.substr(0, colon))))
    colon = text.find(':', colon + 1);
  if (colon == std::string::npos) colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return {text, "", text};
  const std::string path = text.substr(0, colon), rest = text.substr(colon + 1);
  const bool names_dataset = rest.starts_with('/') || is_hdf5_extension(extension_of(path));
  if (!names_dataset || rest.empty()) return {text, "", text};
  // A file may be called so itself.
  if (::access(path.c_str(), F_OK) != 0 && ::access(text.c_str(), F_OK) == 0) return {text, "", text};
  return {path, rest.starts_with('/') ? rest : "/" + rest, text};
}

}  // namespace gmmpi
