// Tables in HDF5 files: any dataset of numbers, contiguous, chunked or compressed.
#include "io/hdf5_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "gmmpi/error.hpp"
#include "io/hdf5_handles.hpp"
#include "io/hdf5_storage.hpp"
#include "io/hdf5_values.hpp"
#include "io/posix_file.hpp"

namespace gmmpi {

namespace {

using h5::Handle;

/// Bytes that one H5Dread may be asked for: bounds what HDF5 keeps per chunk touched.
constexpr Index kPieceBytes = Index{16} << 20;
/// Chunks side by side that are kept at most while rows are streamed.
constexpr std::int64_t kMostKeptBytes = std::int64_t{1} << 30;

/// The datasets of a file, as far as they are worth printing, and the one to suggest.
struct Listing {
  std::size_t wanted_dims = 2;
  std::vector<std::string> entries;  ///< "/features (150 x 4)"
  std::string suggestion;            ///< the first of numbers with wanted_dims, or else the first
  bool suggests_wanted = false;
  static constexpr std::size_t kMost = 8;

  void add(const std::string& path, hid_t dataset) {
    const std::vector<Index> dims = h5::dimensions(Handle(H5Dget_space(dataset)));
    const H5T_class_t kind = H5Tget_class(Handle(H5Dget_type(dataset)));
    const bool wanted = dims.size() == wanted_dims && (kind == H5T_FLOAT || kind == H5T_INTEGER);
    if (suggestion.empty() || (wanted && !suggests_wanted)) suggestion = path;
    suggests_wanted |= wanted;
    entries.push_back(entries.size() == kMost ? "..." : fmt::format("{} ({})", path, shape_text(dims)));
  }
};

void list_datasets(hid_t group, const std::string& prefix, int depth, Listing& listing) {
  constexpr int deepest = 6;  // hard links may form cycles
  H5G_info_t info;
  if (depth > deepest || H5Gget_info(group, &info) < 0) return;
  for (hsize_t i = 0; i < info.nlinks && listing.entries.size() <= Listing::kMost; ++i) {
    std::array<char, 256> text{};
    H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, text.data(), text.size(), H5P_DEFAULT);
    const std::string path = prefix + "/" + text.data();
    const Handle object(H5Oopen(group, text.data(), H5P_DEFAULT));
    if (!object) continue;
    if (H5Iget_type(object) == H5I_GROUP) list_datasets(object, path, depth + 1, listing);
    if (H5Iget_type(object) == H5I_DATASET) listing.add(path, object);
  }
}

/// Throws: the dataset is missing, or not a dataset.
[[noreturn]] void no_dataset(const TableRequest& request, hid_t group, const std::string& prefix,
                             const std::string& problem) {
  Listing listing;
  if (request.is_column()) listing.wanted_dims = 1;
  list_datasets(group, prefix, 0, listing);
  const std::string& path = request.spec.path;
  const std::string held =
      listing.entries.empty()
          ? "no datasets: name another file"
          : fmt::format("{}: name one as {}:{}", fmt::join(listing.entries, ", "), path, listing.suggestion);
  throw Error(ExitCode::bad_data, fmt::format("{}: {}; it holds {}", request.subject(path), problem, held));
}

Handle open_dataset(const TableRequest& request, hid_t file, const std::string& name) {
  Handle object(H5Oopen(file, name.c_str(), H5P_DEFAULT));
  if (!object) no_dataset(request, file, "", "no dataset " + name);
  if (H5Iget_type(object) == H5I_GROUP)
    no_dataset(request, object, name == "/" ? "" : name, name + " is a group, not a dataset");
  if (H5Iget_type(object) != H5I_DATASET) no_dataset(request, file, "", name + " is not a dataset");
  return object;
}

bool is_complex(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return false;
  return H5Tget_class(Handle(H5Tget_member_type(type, 0))) == H5T_FLOAT &&
         H5Tget_class(Handle(H5Tget_member_type(type, 1))) == H5T_FLOAT;
}

/// The type in memory for a type in a file. Error 65: not numbers.
ElementType element_of(const std::string& subject, hid_t type) {
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
    case H5T_ENUM:
      return size <= 2 ? ElementType::f4 : ElementType::f8;
    case H5T_FLOAT:
      if (size > 8) not_numbers(subject, fmt::format("{}-byte floats", size), "convert them to float64");
      return size <= 4 ? ElementType::f4 : ElementType::f8;
    case H5T_STRING:
      not_numbers(subject, "strings", "encode them as numbers or name another dataset");
    case H5T_COMPOUND:
      if (is_complex(type)) not_numbers(subject, "complex numbers", kComplexRemedy);
      not_numbers(subject, "records (a compound type)", "store the fields as columns of one array");
    default:
      not_numbers(subject, "values of an HDF5 type that are not numbers", "name another dataset");
  }
}

void check_filters(const std::string& subject, hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  for (int i = 0; i < count; ++i) {
    std::array<char, 64> name{};
    std::size_t n_values = 0;
    unsigned flags = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &n_values, nullptr,
                                               name.size(), name.data(), nullptr);
    if (H5Zfilter_avail(filter) > 0) continue;
    throw Error(ExitCode::bad_data,
                fmt::format("{} is compressed with a filter that this HDF5 does not have ({}, id {}): set "
                            "HDF5_PLUGIN_PATH to its plugin, or write the data with gzip",
                            subject, name.data(), static_cast<int>(filter)));
  }
}

class Hdf5Reader final : public DataReader {
 public:
  explicit Hdf5Reader(const TableRequest& request)
      : bytes_(request.spec.path, request.subject(request.spec.path)) {
    const h5::Session session;
    const bool is_default = request.spec.dataset.empty();
    path_ = is_default ? request.default_dataset : request.spec.dataset;
    format_ = "HDF5";
    name_ = is_default ? request.spec.path + ":" + path_ : request.spec.text;
    file_ = h5::open_file(request.spec.path, bytes_.subject());
    dataset_ = open_dataset(request, file_, path_);
    TableRequest named = request;
    named.spec.text = name_;
    element_ = element_of(named.subject(), Handle(H5Dget_type(dataset_)));
    check_filters(named.subject(), Handle(H5Dget_create_plist(dataset_)));
    others_ = h5::require_stored(dataset_, named.subject());
    const std::vector<Index> dims = h5::dimensions(Handle(H5Dget_space(dataset_)));
    const TableShape shape = check_shape(named, dims);
    n_rows_ = shape.rows;
    n_columns_ = shape.columns;
    n_dims_ = dims.size();
    look_at_storage();
    if (is_default && !request.is_column()) read_feature_names();
  }

  void read(Index first, Index count, double* out) override { read_rows(first, count, out); }
  void read(Index first, Index count, float* out) override { read_rows(first, count, out); }

  bool is_touched() const override {
    return bytes_.is_touched() || std::ranges::any_of(others_, &WatchedFile::is_touched);
  }

  /// Opens a chunked dataset again with a cache that holds the chunks side by side across all columns, so
  /// that reading row after row decompresses every chunk once.
  void begin_streaming() override {
    if (across_bytes_ <= kHdf5Cache) return;
    const h5::Session session;
    constexpr std::size_t slots = 10007;
    const Handle access(H5Pcreate(H5P_DATASET_ACCESS));
    H5Pset_chunk_cache(access, slots, static_cast<std::size_t>(std::min(across_bytes_, kMostKeptBytes)), 1.0);
    dataset_ = Handle();  // the cache of a dataset that is open cannot be changed
    dataset_ = Handle(h5::check(H5Dopen2(file_, path_.c_str(), access), name_ + " cannot be opened"));
  }

 private:
  static constexpr std::int64_t kHdf5Cache = std::int64_t{1} << 20;  ///< HDF5's default

  void look_at_storage() {
    const Handle creation(H5Dget_create_plist(dataset_)), type(H5Dget_type(dataset_));
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout == H5D_CONTIGUOUS &&
        H5Tequal(type, element_ == ElementType::f4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE) > 0)
      offset_ = H5Dget_offset(dataset_);
    if (layout != H5D_CHUNKED) return;
    std::array<hsize_t, 2> chunk{1, 1};
    H5Pget_chunk(creation, static_cast<int>(n_dims_), chunk.data());
    const auto chunk_columns = static_cast<Index>(chunk[1]);
    storage_.rows_together = static_cast<Index>(chunk[0]);
    const std::int64_t one = storage_.rows_together * chunk_columns * static_cast<Index>(H5Tget_size(type));
    across_bytes_ = (n_columns_ + chunk_columns - 1) / chunk_columns * one;
    storage_.reading_bytes = kHdf5Cache + 2 * one;  // a chunk as it is stored, and decompressed
    storage_.streaming_bytes = std::max(kHdf5Cache, std::min(across_bytes_, kMostKeptBytes)) + 2 * one;
  }

  void read_feature_names() {
    if (!h5::exists(file_, "/feature_names")) return;
    feature_names_ = h5::read_dataset<std::string>(file_, "/feature_names");
    if (feature_names_.size() != static_cast<std::size_t>(n_columns_))
      throw Error(ExitCode::bad_data,
                  fmt::format("{} has {} columns, but /feature_names holds {} names: correct or "
                              "remove /feature_names",
                              name_, n_columns_, feature_names_.size()));
  }

  template <class T>
  void read_rows(Index first, Index count, T* out) {
    check_row_range(*this, first, count);
    const Index row_bytes = n_columns_ * static_cast<Index>(sizeof(T));
    if (offset_ != HADDR_UNDEF && element_ == (sizeof(T) == 4 ? ElementType::f4 : ElementType::f8))
      return bytes_.read(
          static_cast<std::int64_t>(offset_) + first * row_bytes,
          std::as_writable_bytes(std::span(out, static_cast<std::size_t>(count * n_columns_))));
    // Pieces end where chunks end, so that none is visited twice.
    const Index together = storage_.rows_together,
                piece = (kPieceBytes / row_bytes / together + 1) * together;
    for (Index row = first; row < first + count;) {
      const h5::Session session;
      const Index n = std::min((row / piece + 1) * piece, first + count) - row;
      read_piece(row, n, out + (row - first) * n_columns_,
                 sizeof(T) == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
      row += n;
    }
    bytes_.check_length();  // HDF5 takes what is missing for zeros
    for (const WatchedFile& file : others_) file.check_length();
  }

  void read_piece(Index first, Index count, void* out, hid_t type) {
    const std::array<hsize_t, 2> start{static_cast<hsize_t>(first), 0};
    const std::array<hsize_t, 2> extent{static_cast<hsize_t>(count), static_cast<hsize_t>(n_columns_)};
    const Handle in_file(H5Dget_space(dataset_));
    const Handle in_memory(H5Screate_simple(static_cast<int>(n_dims_), extent.data(), nullptr));
    h5::check(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
              name_ + ": rows cannot be selected");
    if (H5Dread(dataset_, type, in_memory, in_file, H5P_DEFAULT, out) < 0)
      h5::fail(fmt::format("{}: rows {} to {} cannot be read", name_, first, first + count - 1));
  }

  InputFile bytes_;
  std::vector<WatchedFile> others_;  ///< in which values lie, too
  Handle file_, dataset_;
  std::string path_;
  std::size_t n_dims_ = 2;
  haddr_t offset_ = HADDR_UNDEF;   ///< of values that lie in the file as they lie in memory, row by row
  std::int64_t across_bytes_ = 0;  ///< of the chunks that hold one row
};

}  // namespace

std::unique_ptr<DataReader> open_hdf5(const TableRequest& request) {
  return std::make_unique<Hdf5Reader>(request);
}

bool hdf5_has(const std::string& path, const std::string& object) {
  return h5::exists(h5::open_file(path, path), object);
}

}  // namespace gmmpi
