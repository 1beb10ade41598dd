// Data files from one format to another.
#include "gmmpi/io/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"
#include "gmmpi/io/open_data.hpp"
#include "gmmpi/io/row_output.hpp"
#include "io/data_format.hpp"
#include "io/hdf5_reader.hpp"

namespace gmmpi {

namespace {

/// Values that a rank holds at a time.
constexpr Index kPieceValues = Index{1} << 20;

/// An array of the input and what becomes of it.
struct Part {
  std::unique_ptr<DataReader> owned;  ///< none: the caller's
  DataReader* reader = nullptr;
  OutputColumn column;
};

/// Values that were read as 64 bits, in the type that they are stored in.
template <class T>
std::vector<std::byte> packed_as(std::span<const std::int64_t> values) {
  std::vector<T> narrow(values.size());
  std::ranges::transform(values, narrow.begin(), [](std::int64_t value) { return static_cast<T>(value); });
  const auto bytes = std::as_bytes(std::span(narrow));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> packed(std::span<const std::int64_t> values, OutputColumn::Type type) {
  switch (value_bytes(type)) {  // the same bits with a sign and without
    case 1:
      return packed_as<std::int8_t>(values);
    case 2:
      return packed_as<std::int16_t>(values);
    case 4:
      return packed_as<std::int32_t>(values);
    default:
      return packed_as<std::int64_t>(values);
  }
}

/// `T`: as what values are read.
template <class T>
void copy_rows_as(const Part& part, std::size_t place, Index begin, Index end, const RowSink& sink) {
  const Index columns = part.reader->n_columns(), piece = std::max<Index>(1, kPieceValues / columns);
  std::vector<T> values(static_cast<std::size_t>(std::min(piece, end - begin) * columns));
  for (Index first = begin; first < end; first += piece) {
    const Index count = std::min(piece, end - first);
    part.reader->read(first, count, values.data());
    if constexpr (std::is_integral_v<T>) {
      const auto used = std::span<const T>(values).first(static_cast<std::size_t>(count * columns));
      sink.write(place, first, count, packed(used, part.column.type).data());
    } else {
      sink.write(place, first, count, values.data());
    }
  }
}

/// Collective. Every rank copies its own rows.
void copy_rows(const Communicator& comm, const std::vector<Part>& parts, const RowSink& sink) {
  const BlockGrid grid(parts.front().reader->n_rows());
  const Index begin = grid.first_row_of_rank(comm.rank(), comm.size());
  const Index end = grid.first_row_of_rank(comm.rank() + 1, comm.size());
  comm.together([&] {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const OutputColumn::Type type = parts[i].column.type;
      if (type == OutputColumn::Type::f4)
        copy_rows_as<float>(parts[i], i, begin, end, sink);
      else if (type == OutputColumn::Type::f8)
        copy_rows_as<double>(parts[i], i, begin, end, sink);
      else
        copy_rows_as<std::int64_t>(parts[i], i, begin, end, sink);
    }
  });
}

/// Collective. Whether the HDF5 file holds such an object, the same on all ranks.
bool file_has(const Communicator& comm, const DataSpec& in, const char* name) {
  std::int64_t found = 0;
  comm.together([&] {
    if (comm.is_root()) found = detect_format(in) == DataFormat::hdf5 && hdf5_has(in.path, name);
  });
  comm.max(std::span(&found, 1));
  return found != 0;
}

Part part_of(DataReader& reader, const std::string& name) {
  const std::vector<Index> shape = reader.shape();
  Part part{nullptr, &reader, {name, reader.stored()}};
  // f4 in memory, such as halves, is written as such; what is read as f8 as it is stored.
  if (reader.element() == ElementType::f8 && part.column.type == OutputColumn::Type::f4)
    part.column.type = OutputColumn::Type::f8;
  if (shape.size() == 2) part.column.columns = reader.n_columns();
  if (shape.size() > 2) {
    part.column.columns = shape[1];
    part.column.depth = reader.n_columns() / std::max<Index>(1, shape[1]);
  }
  part.column.names = reader.feature_names();
  return part;
}

Part part_of(std::unique_ptr<DataReader> reader, const std::string& name) {
  Part part = part_of(*reader, name);
  part.owned = std::move(reader);
  return part;
}

/// Collective. Whether the file holds rows that `sample` or `simulate` drew, which write labels into csv,
/// too.
bool is_drawn(const Communicator& comm, const DataSpec& in) {
  std::int64_t drawn = 0;
  comm.together(
      [&] { drawn = hdf5_attribute(in.path, "filetype") == "gmmpi-data" && !request_of(in.path).empty(); });
  comm.max(std::span(&drawn, 1));
  return drawn != 0;
}

/// Collective. Adds what `simulate` wrote beside measured rows, if these are `whole`: have all columns.
/// Returns as add_companions.
std::vector<std::string> add_measurement(const Communicator& comm, const DataSpec& in, DataFormat format,
                                         bool whole, std::vector<Part>& parts) {
  std::vector<std::string> left_out;
  for (const char* name : {"/errors", "/true"}) {
    if (!file_has(comm, in, name) || !is_drawn(comm, in)) continue;
    if (format == DataFormat::npy || !whole) {
      left_out.emplace_back(name);
      continue;
    }
    parts.push_back(part_of(open_array(comm, in.path + ":" + name), name));
    parts.back().column.is_companion = true;
  }
  return left_out;
}

/// Collective. Adds the columns that belong to an HDF5 file's default table; returns the names of those that
/// the output's format leaves out. In csv they would be columns like any other, so only drawn rows keep
/// theirs.
std::vector<std::string> add_companions(const Communicator& comm, const DataSpec& in, DataFormat format,
                                        bool whole, std::vector<Part>& parts) {
  if (!in.dataset.empty()) return {};
  std::vector<std::string> left_out = add_measurement(comm, in, format, whole, parts);
  for (const auto& [name, label] :
       {std::pair("/sample_weight", "sample_weight"), std::pair("/labels", "label")}) {
    if (!file_has(comm, in, name)) continue;
    if (format == DataFormat::npy || (format == DataFormat::csv && !is_drawn(comm, in))) {
      left_out.emplace_back(name);
      continue;
    }
    parts.push_back(part_of(open_column(comm, in.path, name, name + 1), name));
    OutputColumn& column = parts.back().column;
    column.columns = 0;
    column.names = {label};
    column.is_companion = true;
  }
  return left_out;
}

/// What a file of results may hold, in the order in which commands write it.
constexpr std::array kResults{"/labels",     "/responsibilities", "/mean",        "/variance",
                              "/covariance", "/log_density",      "/mahalanobis", "/outliers"};

/// Collective. All arrays of a file that predict, score or regress has written.
std::vector<Part> result_parts(const Communicator& comm, const DataSpec& in) {
  std::vector<Part> parts;
  for (const char* name : kResults)
    if (file_has(comm, in, name))
      parts.push_back(part_of(open_array(comm, in.path + ":" + name, "/X", {}, 3), name));
  return parts;
}

void write(const Communicator& comm, std::vector<Part> parts, const DataSpec& out, const char* filetype) {
  std::vector<OutputColumn> columns;
  const DataReader& first = *parts.front().reader;
  for (const Part& part : parts) {
    columns.push_back(part.column);
    if (part.reader->n_rows() != first.n_rows())
      throw Error(ExitCode::bad_data,
                  fmt::format("{} has {} rows, but {} has {}: correct or remove {}", first.name(),
                              first.n_rows(), part.reader->name(), part.reader->n_rows(), part.column.name));
    comm.together([&] { part.reader->begin_streaming(); });
  }
  RowOutput file(comm, out.path, first.n_rows(), std::move(columns), {{"filetype", filetype}});
  copy_rows(comm, parts, file);
  file.commit();
}

}  // namespace

bool holds_results(const Communicator& comm, const std::string& in_spec) {
  const DataSpec in = parse_data_spec(in_spec);
  std::int64_t found = 0;
  comm.together([&] {
    found = in.dataset.empty() && detect_format(in) == DataFormat::hdf5 &&
            hdf5_attribute(in.path, "filetype") == "gmmpi-prediction";
  });
  comm.max(std::span(&found, 1));
  return found != 0;
}

std::vector<std::string> convert(const Communicator& comm, const std::string& in_spec,
                                 const std::string& out_spec) {
  const DataSpec in = parse_data_spec(in_spec), out = parse_data_spec(out_spec);
  if (!holds_results(comm, in_spec))
    return convert(comm, *open_array(comm, in_spec), true, in_spec, out_spec);
  comm.together([&] { format_of_extension(out); });
  write(comm, result_parts(comm, in), out, "gmmpi-prediction");
  return {};
}

std::vector<std::string> convert(const Communicator& comm, DataReader& rows, bool whole,
                                 const std::string& in_spec, const std::string& out_spec) {
  const DataSpec in = parse_data_spec(in_spec), out = parse_data_spec(out_spec);
  DataFormat format{};
  comm.together([&] { format = format_of_extension(out); });
  std::vector<Part> parts;
  parts.push_back(part_of(rows, "/X"));
  OutputColumn& table = parts.front().column;
  if (rows.shape().size() == 1 && !in.dataset.empty())  // labels stay labels
    table.name = in.dataset.substr(in.dataset.rfind('/'));
  if (!out.dataset.empty()) table.name = out.dataset;
  std::vector<std::string> left_out = add_companions(comm, in, format, whole, parts);
  write(comm, std::move(parts), out, "gmmpi-data");
  return left_out;
}

}  // namespace gmmpi
