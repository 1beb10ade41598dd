// Tables in HDF5 files: any dataset of numbers, contiguous, chunked or compressed.
#include "io/hdf5_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <type_traits>

#include "gmmpi/error.hpp"
#include "io/hdf5_handles.hpp"
#include "io/hdf5_records.hpp"
#include "io/hdf5_storage.hpp"
#include "io/hdf5_values.hpp"
#include "io/posix_file.hpp"
#include "io/row_file.hpp"

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
    const bool is_table = kind == H5T_COMPOUND && wanted_dims == 2 && dims.size() == 1;
    const bool wanted =
        is_table || (dims.size() == wanted_dims && (kind == H5T_FLOAT || kind == H5T_INTEGER));
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

/// Error 65 unless values of the type are numbers.
void require_numbers(const std::string& subject, hid_t type) {
  const std::string kind = h5::other_kind(type);
  if (kind.empty()) return;
  if (kind == "complex numbers") not_numbers(subject, kind, kComplexRemedy);
  not_numbers(subject, kind,
              H5Tget_class(type) == H5T_FLOAT ? "convert them to float64"
                                              : "encode them as numbers or name another dataset");
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
    const Handle type(H5Dget_type(dataset_));
    const bool is_records = h5::other_kind(type) == "records";
    if (!is_records) require_numbers(named.subject(), type);
    check_filters(named.subject(), Handle(H5Dget_create_plist(dataset_)));
    others_ = h5::require_stored(dataset_, named.subject());
    dims_ = h5::dimensions(Handle(H5Dget_space(dataset_)));
    if (is_records)
      take_records(named, type);
    else
      take_numbers(named, type);
    look_at_storage();
    if (records_.size() > 0)
      feature_names_ = records_.names();
    else if (is_default && !request.is_column())
      read_feature_names();
    else if (H5Aexists(dataset_, kColumnNames) > 0)
      feature_names_ = h5::read_attribute_values<std::string>(dataset_, kColumnNames);
    if (feature_names_.size() != static_cast<std::size_t>(n_columns_)) feature_names_.clear();
    make_utf8(feature_names_, name_, notices_);
    if (H5Aexists(dataset_, "MATLAB_class") > 0)
      notices_.push_back(
          {fmt::format("{}: MATLAB wrote this, in whose files a table is seen transposed: {} rows of {} "
                       "columns here were {} rows of {} columns there; store its transpose if so",
                       name_, n_rows_, n_columns_, n_columns_, n_rows_),
           true});
  }

  void read(Index first, Index count, double* out) override { read_rows(first, count, out); }
  void read(Index first, Index count, float* out) override { read_rows(first, count, out); }
  void read(Index first, Index count, std::int64_t* out) override { read_rows(first, count, out); }

  void look_at(const std::vector<int>& columns) override {
    if (records_.size() == 0) return;
    wanted_ = columns;
    std::ranges::sort(wanted_);
    wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
  }

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

  static constexpr Index kRecordBytes = Index{1} << 20;  ///< of records held at a time

  void take_numbers(const TableRequest& request, hid_t type) {
    const TableShape shape = check_shape(request, dims_);
    n_rows_ = shape.rows;
    n_columns_ = shape.columns;
    shape_ = dims_;
    element_ = h5::fits_float(type) ? ElementType::f4 : ElementType::f8;
    read_fill_values();
    const H5T_class_t kind = H5Tget_class(type);
    if (!fills_.empty())
      stored_ = element_ == ElementType::f4 ? OutputColumn::Type::f4 : OutputColumn::Type::f8;
    else
      stored_ = stored_type(kind == H5T_FLOAT, kind == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE,
                            static_cast<int>(H5Tget_size(type)));
  }

  void take_records(const TableRequest& request, hid_t type) {
    records_ = h5::RecordColumns(type);
    const std::vector<std::string> names = records_.names();
    const std::string kind = fmt::format("records (with the fields {})", fmt::join(names, ", "));
    const bool one_dimension = dims_.size() == 1 || (dims_.size() == 2 && dims_[1] == 1);
    if (request.is_column() || !one_dimension || records_.numeric().empty())
      not_numbers(request.subject(), kind,
                  request.is_column() ? "store the field as a dataset of its own" : "name another dataset");
    const TableShape shape = check_shape(request, std::array<Index, 2>{dims_[0], records_.size()});
    n_rows_ = shape.rows;
    n_columns_ = shape.columns;
    element_ = records_.fits_float() ? ElementType::f4 : ElementType::f8;
    stored_ = records_.fits_float() ? OutputColumn::Type::f4 : OutputColumn::Type::f8;
    usual_columns_ = records_.numeric();
    wanted_.resize(names.size());
    std::iota(wanted_.begin(), wanted_.end(), 0);
  }

  /// netCDF's marks of missing values.
  void read_fill_values() {
    for (const char* name : {"_FillValue", "missing_value"}) {
      if (!h5::has_attribute(dataset_, name)) continue;
      const Handle attribute(H5Aopen(dataset_, name, H5P_DEFAULT)), type(H5Aget_type(attribute));
      if (!h5::other_kind(type).empty()) continue;
      for (const double value : h5::read_attribute_values<double>(dataset_, name)) fills_.push_back(value);
    }
  }

  void look_at_storage() {
    const Handle creation(H5Dget_create_plist(dataset_)), type(H5Dget_type(dataset_));
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout == H5D_CONTIGUOUS &&
        H5Tequal(type, element_ == ElementType::f4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE) > 0)
      offset_ = H5Dget_offset(dataset_);
    if (records_.size() > 0) storage_.reading_bytes = storage_.streaming_bytes = kRecordBytes;
    if (layout != H5D_CHUNKED) return;
    std::vector<hsize_t> chunk(dims_.size(), 1);
    H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    const Index chunk_columns =
        std::accumulate(chunk.begin() + 1, chunk.end(), Index{1}, std::multiplies<>());
    storage_.rows_together = static_cast<Index>(chunk[0]);
    const std::int64_t one = storage_.rows_together * chunk_columns * static_cast<Index>(H5Tget_size(type));
    const Index columns = records_.size() > 0 ? 1 : n_columns_;
    across_bytes_ = (columns + chunk_columns - 1) / chunk_columns * one;
    storage_.reading_bytes += kHdf5Cache + 2 * one;  // a chunk as it is stored, and decompressed
    storage_.streaming_bytes += std::max(kHdf5Cache, std::min(across_bytes_, kMostKeptBytes)) + 2 * one;
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
    if (records_.size() > 0) {
      read_records(first, count, out);
    } else {
      read_numbers(first, count, out);
      const std::span values(out, static_cast<std::size_t>(count * n_columns_));
      if constexpr (std::is_floating_point_v<T>)
        for (const double fill : fills_)
          std::ranges::replace(values, static_cast<T>(fill), std::numeric_limits<T>::quiet_NaN());
    }
  }

  template <class T>
  void read_numbers(Index first, Index count, T* out) {
    const Index row_bytes = n_columns_ * static_cast<Index>(sizeof(T));
    const bool as_stored =
        std::is_floating_point_v<T> && element_ == (sizeof(T) == 4 ? ElementType::f4 : ElementType::f8);
    if (offset_ != HADDR_UNDEF && as_stored)
      return bytes_.read(
          static_cast<std::int64_t>(offset_) + first * row_bytes,
          std::as_writable_bytes(std::span(out, static_cast<std::size_t>(count * n_columns_))));
    const hid_t type = std::is_integral_v<T> ? H5T_NATIVE_INT64
                       : sizeof(T) == 4      ? H5T_NATIVE_FLOAT
                                             : H5T_NATIVE_DOUBLE;
    for_each_piece(first, count, kPieceBytes / row_bytes,
                   [&](Index row, Index n) { read_piece(row, n, out + (row - first) * n_columns_, type); });
  }

  template <class T>
  void read_records(Index first, Index count, T* out) {
    if constexpr (std::is_integral_v<T>) {
      DataReader::read(first, count, out);
    } else {
      for (const int column : wanted_)
        if (!records_.other_kind(column).empty())
          not_numbers(fmt::format("{}: column {} '{}'", name_, column,
                                  feature_names_[static_cast<std::size_t>(column)]),
                      records_.other_kind(column), "choose other columns with `columns`");
      const h5::Session session;
      const h5::RecordColumns::Layout layout =
          records_.layout(wanted_, sizeof(T) == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
      std::vector<std::byte> records;
      for_each_piece(first, count, kRecordBytes / static_cast<Index>(layout.bytes), [&](Index row, Index n) {
        records.resize(static_cast<std::size_t>(n) * layout.bytes);
        read_piece(row, n, records.data(), layout.type);
        for (Index r = 0; r < n; ++r)
          for (std::size_t i = 0; i < wanted_.size(); ++i)
            std::memcpy(out + (row - first + r) * n_columns_ + wanted_[i],
                        records.data() + static_cast<std::size_t>(r) * layout.bytes + layout.offsets[i],
                        sizeof(T));
      });
    }
  }

  /// Pieces of about `rows` rows. They end where chunks end, so that none is visited twice.
  template <class Fn>
  void for_each_piece(Index first, Index count, Index rows, Fn&& read) {
    const Index together = storage_.rows_together, piece = (rows / together + 1) * together;
    for (Index row = first; row < first + count;) {
      const h5::Session session;
      const Index n = std::min((row / piece + 1) * piece, first + count) - row;
      read(row, n);
      row += n;
    }
    bytes_.check_length();  // HDF5 takes what is missing for zeros
    for (const WatchedFile& file : others_) file.check_length();
  }

  void read_piece(Index first, Index count, void* out, hid_t type) {
    std::vector<hsize_t> start(dims_.size(), 0), extent(dims_.begin(), dims_.end());
    start[0] = static_cast<hsize_t>(first);
    extent[0] = static_cast<hsize_t>(count);
    const Handle in_file(H5Dget_space(dataset_));
    const Handle in_memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
    h5::check(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
              name_ + ": rows cannot be selected");
    if (H5Dread(dataset_, type, in_memory, in_file, H5P_DEFAULT, out) < 0)
      h5::fail(fmt::format("{}: rows {} to {} cannot be read", name_, first, first + count - 1));
  }

  InputFile bytes_;
  std::vector<WatchedFile> others_;  ///< in which values lie, too
  Handle file_, dataset_;
  std::string path_;
  std::vector<Index> dims_;        ///< of the dataset
  h5::RecordColumns records_;      ///< none: plain numbers
  std::vector<int> wanted_;        ///< columns of records that somebody looks at
  std::vector<double> fills_;      ///< values that stand for missing ones
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

std::string hdf5_attribute(const std::string& path, const std::string& name) {
  const Handle file = h5::open_file(path, path), root = h5::open_group(file, "/");
  try {
    return h5::read_attribute<std::string>(root, name);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace gmmpi
