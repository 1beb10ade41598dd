// Whether the values of an HDF5 dataset are stored anywhere.
#include "io/hdf5_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "io/hdf5_virtual.hpp"

namespace gmmpi::h5 {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUnwritten =
    "never written (HDF5 would show its fill value): finish writing the dataset, or cut "
    "it to the rows that it has";

/// "rows 0 to 9", "rows 0 to 9, columns 2 to 3"
std::string place_text(const std::vector<hsize_t>& first, const std::vector<hsize_t>& last,
                       const std::vector<Index>& dims) {
  const auto range = [&](const char* noun, std::size_t i) {
    return first[i] == last[i] ? fmt::format("{} {}", noun, first[i])
                               : fmt::format("{}s {} to {}", noun, first[i], last[i]);
  };
  const std::string rows = range("row", 0);
  const bool some = dims.size() > 1 && (first[1] > 0 || last[1] + 1 < static_cast<hsize_t>(dims[1]));
  return some ? rows + ", " + range("column", 1) : rows;
}

[[noreturn]] void bad(const std::string& message) {
  throw Error(ExitCode::bad_data, message);
}

/// Goes down from a dataset to all that it is made of.
class StorageCheck {
 public:
  /// What of the dataset is needed: this selection (whose extent may be unknown or out of date), or all.
  void run(hid_t dataset, hid_t wanted, const std::string& subject) {
    const std::string self = where(dataset);
    if (std::ranges::find(above_, self) != above_.end())
      bad(fmt::format("{} is made of itself: make the virtual dataset anew", subject));
    above_.push_back(self);
    const Handle creation(check(H5Dget_create_plist(dataset), subject + ": how it is stored cannot be read"));
    const H5D_layout_t layout = H5Pget_layout(creation);
    // The sources come first: HDF5 opens them to tell the shape, and would wait for a pipe.
    std::vector<VirtualPart> parts;
    if (layout == H5D_VIRTUAL) parts = virtual_parts(dataset, subject);
    const Handle space(check(H5Dget_space(dataset), subject + ": its shape cannot be read"));
    if (H5Sget_simple_extent_npoints(space) > 0) {
      select(space, wanted);
      if (layout == H5D_VIRTUAL) check_parts(space, parts, subject);
      if (layout == H5D_CHUNKED) check_chunks(dataset, creation, space, subject);
      if (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) > 0)
        check_raw_files(dataset, creation, space, subject);
      else if (layout == H5D_CONTIGUOUS && H5Dget_offset(dataset) == HADDR_UNDEF)
        bad(fmt::format("{} was {}", subject, kUnwritten));
    }
    above_.pop_back();
  }

  std::vector<WatchedFile> files;

 private:
  /// Selections that end somewhere are kept, others taken for all.
  static void select(hid_t space, hid_t wanted) {
    if (wanted < 0 || H5Sget_select_type(wanted) != H5S_SEL_HYPERSLABS) return;
    const std::vector<Index> dims = dimensions(space);
    std::vector<hsize_t> low(dims.size()), high(dims.size());
    if (H5Sget_select_bounds(wanted, low.data(), high.data()) < 0) return;
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (high[i] >= static_cast<hsize_t>(dims[i])) return;
    H5Sselect_copy(space, wanted);
  }

  void check_parts(hid_t needed, const std::vector<VirtualPart>& parts, const std::string& subject) {
    const std::vector<Index> dims = dimensions(needed);
    const std::size_t n = dims.size();
    std::vector<hsize_t> low(n), high(n);
    check(H5Sget_select_bounds(needed, low.data(), high.data()), subject + ": its shape cannot be read");
    Handle open(H5Scopy(needed));  // what no part has covered yet
    if (H5Sget_select_type(open) == H5S_SEL_ALL) {
      const std::vector<hsize_t> start(n, 0), lengths(dims.begin(), dims.end());
      H5Sselect_hyperslab(open, H5S_SELECT_SET, start.data(), nullptr, lengths.data(), nullptr);
    }
    for (const VirtualPart& part : parts) {
      const Handle covered = covered_part(part, needed, subject);
      if (H5Sget_select_npoints(covered) <= 0 ||
          H5Sselect_intersect_block(covered, low.data(), high.data()) <= 0)
        continue;
      if (H5Sget_select_type(covered) == H5S_SEL_ALL)
        H5Sselect_none(open);
      else if (H5Sget_select_npoints(open) > 0)
        check(H5Smodify_select(open, H5S_SELECT_NOTB, covered),
              subject + ": what it is made of cannot be followed");
      run(part.source, part.in_source,
          fmt::format("{}:{}, of which {} is made,", part.path, part.dataset, subject));
      if (part.file != "." && std::ranges::find(watched_, part.path) == watched_.end()) {
        watched_.push_back(part.path);
        files.emplace_back(part.path, fmt::format("{}, of which {} is made", part.path, subject));
      }
    }
    if (H5Sget_select_npoints(open) <= 0) return;
    H5Sget_select_bounds(open, low.data(), high.data());
    bad(fmt::format(
        "{} is virtual, and values in {} have no source (HDF5 would show a fill value): map all of it when "
        "the virtual dataset is made",
        subject, place_text(low, high, dims)));
  }

  static void check_chunks(hid_t dataset, hid_t creation, hid_t needed, const std::string& subject) {
    const std::vector<Index> dims = dimensions(needed);
    const std::size_t n = dims.size();
    std::vector<hsize_t> chunk(n), low(n), high(n);
    H5Pget_chunk(creation, static_cast<int>(n), chunk.data());
    hsize_t stored = 0, all = 1;
    check(H5Dget_num_chunks(dataset, Handle(H5Dget_space(dataset)), &stored),
          subject + ": its chunks cannot be counted");
    for (std::size_t i = 0; i < n; ++i) all *= (static_cast<hsize_t>(dims[i]) + chunk[i] - 1) / chunk[i];
    if (stored >= all) return;
    check(H5Sget_select_bounds(needed, low.data(), high.data()), subject + ": its shape cannot be read");
    std::vector<hsize_t> first(n), last(n);
    for (std::size_t i = 0; i < n; ++i) first[i] = low[i] / chunk[i] * chunk[i];
    const std::vector<hsize_t> begin = first;
    for (std::size_t i = n; i > 0;) {  // counts like an odometer, the last dimension fastest
      for (std::size_t j = 0; j < n; ++j)
        last[j] = std::min(first[j] + chunk[j], static_cast<hsize_t>(dims[j])) - 1;
      haddr_t address = HADDR_UNDEF;
      hsize_t size = 0;
      unsigned filters = 0;
      const bool found = H5Dget_chunk_info_by_coord(dataset, first.data(), &filters, &address, &size) >= 0 &&
                         address != HADDR_UNDEF;
      if (!found && H5Sselect_intersect_block(needed, first.data(), last.data()) > 0)
        bad(fmt::format("{}: {} {} {}", subject, place_text(first, last, dims),
                        first == last ? "was" : "were", kUnwritten));
      for (i = n; i > 0; --i) {
        first[i - 1] += chunk[i - 1];
        if (first[i - 1] <= high[i - 1]) break;
        first[i - 1] = begin[i - 1];
      }
    }
  }

  /// HDF5 reads zeros where a raw file ends too early.
  void check_raw_files(hid_t dataset, hid_t creation, hid_t space, const std::string& subject) {
    const Handle type(H5Dget_type(dataset));
    hsize_t rest = static_cast<hsize_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type);
    const int n = H5Pget_external_count(creation);
    for (int i = 0; i < n && rest > 0; ++i) {
      std::string name(4096, '\0');
      off_t offset = 0;
      hsize_t size = 0;
      check(H5Pget_external(creation, static_cast<unsigned>(i), name.size(), name.data(), &offset, &size),
            subject + ": where its raw file is cannot be read");
      name.resize(name.find('\0'));
      const std::string path = raw_file(dataset, name);
      files.emplace_back(path, fmt::format("{}, in which values of {} lie", path, subject));
      const hsize_t part = std::min(rest, size), needed = static_cast<hsize_t>(offset) + part;
      if (static_cast<hsize_t>(files.back().size()) < needed)
        bad(fmt::format("{}: its raw file {} is too short ({} bytes, {} are needed): copy it again", subject,
                        path, files.back().size(), needed));
      rest -= part;
    }
  }

  /// By HDF5's rules: from the folder of the process on, unless a prefix is set.
  static std::string raw_file(hid_t dataset, const std::string& name) {
    const char* set = std::getenv("HDF5_EXTFILE_PREFIX");
    std::string prefix = set == nullptr ? "" : set;
    if (prefix.empty() || prefix == "." || fs::path(name).is_absolute()) return name;
    const std::string origin = "${ORIGIN}";
    if (prefix.starts_with(origin)) {
      const std::string own = where(dataset);
      const fs::path folder = fs::path(own.substr(0, own.rfind(":/"))).parent_path();
      prefix = (folder.empty() ? "." : folder.string()) + "/" + prefix.substr(origin.size());
    }
    return (fs::path(prefix) / name).string();
  }

  std::vector<std::string> above_, watched_;
};

}  // namespace

std::vector<WatchedFile> require_stored(hid_t dataset, const std::string& subject) {
  const Session session;
  StorageCheck all;
  all.run(dataset, H5I_INVALID_HID, subject);
  return std::move(all.files);
}

}  // namespace gmmpi::h5
