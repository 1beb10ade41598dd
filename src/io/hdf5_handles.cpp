// HDF5 handles that close themselves, and HDF5's errors as gmmpi::Error.
#include "io/hdf5_handles.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/posix_file.hpp"

namespace gmmpi::h5 {

static std::recursive_mutex& library() {
  static std::recursive_mutex mutex;  // HDF5's state is one for the process
  return mutex;
}

Session::Session() : lock_(library()) {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Session::~Session() {
  H5Eset_auto2(H5E_DEFAULT, function_, data_);
}

Handle::~Handle() {
  close();
}

herr_t Handle::close() {
  if (id_ < 0) return 0;
  const Session session;
  return H5Idec_ref(std::exchange(id_, H5I_INVALID_HID)) < 0 ? -1 : 0;
}

std::string reason() {
  const auto take_first = [](unsigned, const H5E_error2_t* entry, void* text) -> herr_t {
    if (entry->desc != nullptr) *static_cast<std::string*>(text) = entry->desc;
    return 1;
  };
  std::string text = "HDF5 gives no reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &text);
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

std::string where(hid_t object) {
  const auto text = [object](auto get_name) {
    std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, get_name(object, nullptr, 0))), '\0');
    get_name(object, name.data(), name.size() + 1);
    return name;
  };
  const hid_t errors = H5Eget_current_stack();  // every call of HDF5 clears it, reason() may want it
  const std::string file = text(H5Fget_name), path = text(H5Iget_name);
  H5Eset_current_stack(errors);
  return path.empty() || path == "/" ? file : file + ":" + path;
}

void fail(const std::string& problem, ExitCode code) {
  throw Error(code, fmt::format("{} ({}): check the file with h5dump -H, and the disk", problem, reason()));
}

Handle open_file(const std::string& path, const std::string& subject) {
  const InputFile readable(path, subject);
  const Session session;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(access, false, true);  // some file systems refuse locks, reading needs none
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access));
  // Where this process has the file open already, both must agree on locks.
  if (!file) file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  if (!file)
    throw Error(
        ExitCode::bad_data,
        fmt::format("{}: not a sound HDF5 file ({}): copy it again or write it anew", subject, reason()));
  return file;
}

/// A name under which no file can exist: HDF5 looks for one even where it works in memory.
static constexpr const char* kNoFile = "/dev/null/gmmpi";

std::vector<std::byte> make_image(const std::function<void(hid_t file)>& fill) {
  const Session session;
  constexpr std::size_t growth = 1 << 16;
  const std::string problem = "an HDF5 file cannot be built in memory";
  Handle access(H5Pcreate(H5P_FILE_ACCESS));
  check(H5Pset_fapl_core(access, growth, false), problem);
  Handle file(check(H5Fcreate(kNoFile, H5F_ACC_TRUNC, H5P_DEFAULT, access), problem));
  fill(file);
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), problem);
  std::vector<std::byte> image(static_cast<std::size_t>(check(H5Fget_file_image(file, nullptr, 0), problem)));
  check(H5Fget_file_image(file, image.data(), image.size()), problem);
  return image;
}

Handle open_image(std::span<const std::byte> image, const std::string& subject) {
  const Session session;
  Handle access(H5Pcreate(H5P_FILE_ACCESS));
  const std::string problem = subject + ": not a sound HDF5 file";
  check(H5Pset_fapl_core(access, image.size(), false), problem);
  check(H5Pset_file_image(access, const_cast<std::byte*>(image.data()), image.size()), problem);  // it copies
  return Handle(check(H5Fopen(kNoFile, H5F_ACC_RDONLY, access), problem, ExitCode::bad_data));
}

bool exists(hid_t location, const std::string& path) {
  const Session session;
  return static_cast<bool>(Handle(H5Oopen(location, path.c_str(), H5P_DEFAULT)));
}

Handle open_group(hid_t location, const std::string& path) {
  const Session session;
  Handle group(H5Gopen2(location, path.c_str(), H5P_DEFAULT));
  if (!group)
    throw Error(ExitCode::bad_data,
                fmt::format("{}: no group {}: name a file that holds one", where(location), path));
  return group;
}

Handle create_group(hid_t location, const std::string& path) {
  const Session session;
  return Handle(check(H5Gcreate2(location, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                      where(location) + ": group " + path + " cannot be created"));
}

std::vector<Index> dimensions(hid_t space) {
  const Session session;
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return {0};
  const int rank = check(H5Sget_simple_extent_ndims(space), "the shape of a dataset cannot be read");
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
  return {lengths.begin(), lengths.end()};
}

}  // namespace gmmpi::h5
