// What a virtual HDF5 dataset is made of: files found by HDF5's rules, and which part lies where.
#include "io/hdf5_virtual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "io/posix_file.hpp"

namespace gmmpi::h5 {

namespace fs = std::filesystem;

namespace {

std::string mapped_name(decltype(&H5Pget_virtual_filename) get, hid_t creation, std::size_t i) {
  std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, get(creation, i, nullptr, 0))), '\0');
  get(creation, i, name.data(), name.size() + 1);
  return name;
}

bool has_block_number(const std::string& name) {
  for (std::size_t at = name.find('%'); at != std::string::npos; at = name.find('%', at + 2))
    if (name.compare(at, 2, "%b") == 0) return true;
  return false;
}

/// "%b" becomes the number, "%%" a percent sign.
std::string with_block_number(const std::string& name, hsize_t block) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%' || i + 1 == name.size()) {
      out += name[i];
      continue;
    }
    ++i;
    if (name[i] == 'b')
      out += std::to_string(block);
    else
      out += name[i];
  }
  return out;
}

std::string file_of(hid_t object) {
  std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, H5Fget_name(object, nullptr, 0))), '\0');
  H5Fget_name(object, name.data(), name.size() + 1);
  return name;
}

/// Where HDF5 looks for a source file, in its order.
std::vector<fs::path> places(hid_t dataset, const std::string& name) {
  const fs::path own = file_of(dataset);
  fs::path wanted = name;
  std::vector<fs::path> paths;
  if (wanted.is_absolute()) {
    paths.push_back(wanted);
    wanted = wanted.filename();
  }
  if (const char* prefixes = std::getenv("HDF5_VDS_PREFIX"); prefixes != nullptr && *prefixes != '\0') {
    const std::string text = prefixes, origin = "${ORIGIN}";
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(':', begin), text.size());
      if (end > begin) paths.push_back(fs::path(text.substr(begin, end - begin)) / wanted);
      begin = end + 1;
    }
    if (text.starts_with(origin)) {
      std::string below = text.substr(origin.size());
      below.erase(0, below.find_first_not_of('/'));
      paths.push_back(own.parent_path() / below / wanted);
    }
  }
  std::error_code error;
  paths.push_back(own.parent_path() / wanted);
  paths.push_back(wanted);
  if (const fs::path real = fs::canonical(own, error); !error) paths.push_back(real.parent_path() / wanted);
  return paths;
}

struct FoundFile {
  Handle file;
  std::string path;
};

/// The source file, or nothing where no file of that name exists.
FoundFile find_file(hid_t dataset, const std::string& name, const std::string& subject) {
  if (name == ".") return {Handle(H5Iget_file_id(dataset)), file_of(dataset)};
  std::string unsound;
  for (const fs::path& path : places(dataset, name)) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) continue;
    const std::string what = fmt::format("{}, of which {} is made", path.string(), subject);
    if (!fs::is_regular_file(status)) InputFile(path.string(), what);
    try {
      return {open_file(path.string(), what), path.string()};
    } catch (const Error&) {
      if (unsound.empty()) unsound = path.string();
    }
  }
  if (!unsound.empty()) open_file(unsound, fmt::format("{}, of which {} is made", unsound, subject));
  return {};
}

[[noreturn]] void no_source_file(hid_t dataset, const std::string& name, const std::string& subject) {
  const fs::path beside = fs::path(file_of(dataset)).parent_path() / fs::path(name).filename();
  throw Error(ExitCode::no_input, fmt::format("{} is made of {}, which is not there (HDF5 would show a fill "
                                              "value in its place): put it at {}, or "
                                              "set HDF5_VDS_PREFIX to its folder",
                                              subject, name, beside.string()));
}

/// The part that this source holds; nothing where there is no such file or dataset and `may_miss` is set.
std::optional<VirtualPart> open_part(hid_t dataset, const std::string& file, const std::string& source,
                                     bool may_miss, const std::string& subject) {
  FoundFile found = find_file(dataset, file, subject);
  if (!found.file) {
    if (may_miss) return std::nullopt;
    no_source_file(dataset, file, subject);
  }
  VirtualPart part{file, found.path, source, Handle(H5Dopen2(found.file, source.c_str(), H5P_DEFAULT)),
                   {},   {}};
  if (part.source) return part;
  if (may_miss) return std::nullopt;
  throw Error(ExitCode::bad_data, fmt::format("{} is made of the dataset {} of {}, which has none of that "
                                              "name (HDF5 would show a fill value in its "
                                              "place): write it, or make the virtual dataset anew",
                                              subject, source, found.path));
}

/// The block structure of a regular hyperslab.
struct Slab {
  std::vector<hsize_t> start, stride, count, block;

  explicit Slab(hid_t space, const std::string& subject) {
    const int n = H5Sget_simple_extent_ndims(space);
    for (auto* values : {&start, &stride, &count, &block})
      values->resize(static_cast<std::size_t>(std::max(n, 0)));
    if (n < 0 || H5Sis_regular_hyperslab(space) <= 0 ||
        H5Sget_regular_hyperslab(space, start.data(), stride.data(), count.data(), block.data()) < 0)
      throw Error(
          ExitCode::bad_data,
          fmt::format(
              "{} is virtual, with an unlimited selection that is not regular: copy it into a plain dataset",
              subject));
  }
  /// The dimension without end; -1: none.
  int unlimited() const {
    for (std::size_t i = 0; i < start.size(); ++i)
      if (count[i] == H5S_UNLIMITED || block[i] == H5S_UNLIMITED) return static_cast<int>(i);
    return -1;
  }
  /// Values for one index of the unlimited dimension.
  hsize_t across() const {
    hsize_t product = 1;
    for (std::size_t i = 0; i < start.size(); ++i)
      if (static_cast<int>(i) != unlimited()) product *= count[i] * block[i];
    return product;
  }
  /// Indices of the unlimited dimension that are selected below `length`.
  hsize_t selected_below(hsize_t length) const {
    const auto u = static_cast<std::size_t>(unlimited());
    if (length <= start[u]) return 0;
    const hsize_t rest = length - start[u];
    if (block[u] == H5S_UNLIMITED) return rest;
    return rest / stride[u] * block[u] + std::min(block[u], rest % stride[u]);
  }
  void select(hid_t space, H5S_seloper_t how) const {
    check(H5Sselect_hyperslab(space, how, start.data(), stride.data(), count.data(), block.data()),
          "the selection of a virtual dataset cannot be followed");
  }
  /// The first n indices of the unlimited dimension.
  void select_first(hid_t space, hsize_t n) const {
    const auto u = static_cast<std::size_t>(unlimited());
    H5Sselect_none(space);
    Slab part = *this;
    if (block[u] == H5S_UNLIMITED) {
      part.count[u] = 1;
      part.block[u] = n;
      if (n > 0) part.select(space, H5S_SELECT_OR);
      return;
    }
    part.count[u] = n / block[u];
    if (part.count[u] > 0) part.select(space, H5S_SELECT_OR);
    part.start[u] += part.count[u] * stride[u];
    part.count[u] = 1;
    part.block[u] = n % block[u];
    if (part.block[u] > 0) part.select(space, H5S_SELECT_OR);
  }
};

/// Adds the blocks of a printf-style mapping, up to the last one that is there. HDF5 ends the dataset at a
/// gap.
void add_blocks(hid_t dataset, const std::string& file, const std::string& source, hid_t in_virtual,
                hid_t in_source, const std::string& subject, std::vector<VirtualPart>& parts) {
  const Slab slab(in_virtual, subject);
  const int u = slab.unlimited();
  std::optional<hsize_t> missing;
  for (hsize_t block = 0; !missing || block - *missing <= kMostMissingBlocks; ++block) {
    auto part =
        open_part(dataset, with_block_number(file, block), with_block_number(source, block), true, subject);
    if (!part && !missing) missing = block;
    if (!part) continue;
    if (missing)
      open_part(dataset, with_block_number(file, *missing), with_block_number(source, *missing), false,
                subject);
    Slab one = slab;
    one.start[static_cast<std::size_t>(u)] += block * one.stride[static_cast<std::size_t>(u)];
    one.count[static_cast<std::size_t>(u)] = 1;
    part->in_virtual = Handle(H5Scopy(in_virtual));
    one.select(part->in_virtual, H5S_SELECT_SET);
    part->in_source = Handle(H5Scopy(in_source));
    parts.push_back(std::move(*part));
  }
  if (missing == hsize_t{0})
    open_part(dataset, with_block_number(file, 0), with_block_number(source, 0), false, subject);
}

/// The source has another shape than when the virtual dataset was made.
[[noreturn]] void wrong_source(const VirtualPart& part, const std::string& subject) {
  std::string shape;
  for (const Index length : dimensions(Handle(H5Dget_space(part.source))))
    shape += (shape.empty() ? "" : " x ") + std::to_string(length);
  throw Error(
      ExitCode::bad_data,
      fmt::format(
          "{} is made of {}:{} ({}), which has not the shape that is mapped: write it as it was, or make the "
          "virtual dataset anew",
          subject, part.path, part.dataset, shape));
}

/// How far a selection reaches in all dimensions but the first.
std::vector<Index> columns_of(hid_t selection) {
  const auto n = static_cast<std::size_t>(std::max(1, H5Sget_simple_extent_ndims(selection)));
  std::vector<hsize_t> low(n), high(n);
  std::vector<Index> lengths;
  if (H5Sget_select_bounds(selection, low.data(), high.data()) < 0) return {};
  for (std::size_t i = 1; i < n; ++i) lengths.push_back(static_cast<Index>(high[i] - low[i]) + 1);
  return lengths;
}

}  // namespace

std::vector<VirtualPart> virtual_parts(hid_t dataset, const std::string& subject) {
  const Handle creation(H5Dget_create_plist(dataset));
  std::size_t n = 0;
  check(H5Pget_virtual_count(creation, &n), subject + ": what it is made of cannot be read");
  std::vector<VirtualPart> parts;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string file = mapped_name(H5Pget_virtual_filename, creation, i),
                      source = mapped_name(H5Pget_virtual_dsetname, creation, i);
    Handle in_virtual(H5Pget_virtual_vspace(creation, i)), in_source(H5Pget_virtual_srcspace(creation, i));
    if (has_block_number(file) || has_block_number(source)) {
      add_blocks(dataset, file, source, in_virtual, in_source, subject, parts);
      continue;
    }
    auto part = open_part(dataset, with_block_number(file, 0), with_block_number(source, 0), false, subject);
    part->in_virtual = std::move(in_virtual);
    part->in_source = std::move(in_source);
    parts.push_back(std::move(*part));
  }
  return parts;
}

Handle covered_part(const VirtualPart& part, hid_t space, const std::string& subject) {
  const Handle source(H5Dget_space(part.source));
  Handle covered(H5Scopy(space));
  const std::vector<Index> dims = dimensions(source);
  const bool takes_all = H5Sget_select_type(part.in_source) == H5S_SEL_ALL;
  if (!takes_all && H5Sget_simple_extent_ndims(part.in_source) != static_cast<int>(dims.size()))
    wrong_source(part, subject);
  if (H5Sis_regular_hyperslab(part.in_virtual) > 0 && Slab(part.in_virtual, subject).unlimited() >= 0) {
    const Slab to(part.in_virtual, subject), from(part.in_source, subject);
    if (from.unlimited() < 0 || from.across() != to.across()) wrong_source(part, subject);
    const Index length = dims[static_cast<std::size_t>(from.unlimited())];
    to.select_first(covered, from.selected_below(static_cast<hsize_t>(length)));
    return covered;
  }
  check(H5Sselect_copy(covered, part.in_virtual), "the selection of a virtual dataset cannot be followed");
  const hssize_t n = H5Sget_select_npoints(covered), there = H5Sget_simple_extent_npoints(source);
  if (n <= 0) return covered;
  if (takes_all) {  // the first rows of a source that has grown are fine, unless they have other columns
    if (there < n || (there > n && columns_of(covered) != std::vector(dims.begin() + 1, dims.end())))
      wrong_source(part, subject);
    return covered;
  }
  std::vector<hsize_t> low(dims.size()), high(dims.size());
  if (H5Sget_select_bounds(part.in_source, low.data(), high.data()) < 0) wrong_source(part, subject);
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (high[i] >= static_cast<hsize_t>(dims[i])) wrong_source(part, subject);
  return covered;
}

}  // namespace gmmpi::h5
