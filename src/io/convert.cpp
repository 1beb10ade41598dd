// Data files from one format to another.
#include "gmmpi/io/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "gmmpi/error.hpp"
#include "gmmpi/io/open_data.hpp"
#include "io/atomic_file.hpp"
#include "io/csv_text.hpp"
#include "io/data_format.hpp"
#include "io/hdf5_reader.hpp"
#include "io/npy_header.hpp"
#include "io/row_file.hpp"

namespace gmmpi {

namespace {

/// Values that a rank holds at a time.
constexpr Index kPieceValues = Index{1} << 20;

Index piece_rows(const DataReader& reader) {
  return std::max<Index>(1, kPieceValues / reader.n_columns());
}

template <class T>
void copy_rows_as(DataReader& reader, Index begin, Index end, const AtomicFile& file, std::int64_t offset) {
  const Index piece = piece_rows(reader), columns = reader.n_columns();
  std::vector<T> values(static_cast<std::size_t>(std::min(piece, end - begin) * columns));
  for (Index first = begin; first < end; first += piece) {
    const Index count = std::min(piece, end - first);
    reader.read(first, count, values.data());
    const auto used = std::span<const T>(values).first(static_cast<std::size_t>(count * columns));
    file.write(offset + first * columns * static_cast<Index>(sizeof(T)), std::as_bytes(used));
  }
}

/// Collective. Every rank copies its own rows, as they are in memory, to `offset` on.
void copy_rows(const Communicator& comm, DataReader& reader, const AtomicFile& file, std::int64_t offset) {
  const BlockGrid grid(reader.n_rows());
  const Index begin = grid.first_row_of_rank(comm.rank(), comm.size());
  const Index end = grid.first_row_of_rank(comm.rank() + 1, comm.size());
  comm.together([&] {
    if (reader.element() == ElementType::f4)
      copy_rows_as<float>(reader, begin, end, file, offset);
    else
      copy_rows_as<double>(reader, begin, end, file, offset);
  });
}

OutputColumn::Type output_type(const DataReader& reader) {
  return reader.element() == ElementType::f4 ? OutputColumn::Type::f4 : OutputColumn::Type::f8;
}

/// Collective. The columns that belong to an HDF5 file's default table.
std::vector<std::pair<std::string, std::unique_ptr<DataReader>>> open_companions(const Communicator& comm,
                                                                                 const DataSpec& in) {
  std::vector<std::pair<std::string, std::unique_ptr<DataReader>>> companions;
  for (const char* name : {"/sample_weight", "/labels"}) {
    bool found = false;
    comm.together([&] {
      found = in.dataset.empty() && detect_format(in) == DataFormat::hdf5 && hdf5_has(in.path, name);
    });
    if (found) companions.emplace_back(name, open_column(comm, in.path, name, name + 1));
  }
  return companions;
}

void write_hdf5(const Communicator& comm, const DataSpec& in, DataReader& reader, const DataSpec& out,
                const AtomicFile& file) {
  RowFileLayout layout;
  layout.n_rows = reader.n_rows();
  layout.attributes = {{"filetype", "gmmpi-data"}};
  layout.feature_names = reader.feature_names();
  layout.columns = {{out.dataset.empty() ? "/X" : out.dataset, output_type(reader), reader.n_columns()}};
  const auto companions = open_companions(comm, in);
  for (const auto& [name, column] : companions) {
    if (column->n_rows() != reader.n_rows())
      throw Error(ExitCode::bad_data,
                  fmt::format("{} has {} rows, but {} has {}: correct or remove {}", reader.name(),
                              reader.n_rows(), column->name(), column->n_rows(), name));
    layout.columns.push_back({name, output_type(*column), 0});
  }
  const std::vector<std::int64_t> offsets = begin_row_file(comm, file, layout);
  copy_rows(comm, reader, file, offsets[0]);
  for (std::size_t i = 0; i < companions.size(); ++i)
    copy_rows(comm, *companions[i].second, file, offsets[i + 1]);
}

void write_npy(const Communicator& comm, DataReader& reader, const AtomicFile& file) {
  const std::string header = make_npy_header(reader.element(), reader.n_rows(), reader.n_columns());
  comm.together([&] {
    if (comm.is_root()) file.write(0, std::as_bytes(std::span(header)));
  });
  copy_rows(comm, reader, file, static_cast<std::int64_t>(header.size()));
}

/// A name that the csv reader takes for a name: quoted where it would be cut or be a number.
std::string csv_name(const std::string& name) {
  if (!name.empty() && name.find_first_of(" \t,;\"#\r\n") == std::string::npos && !is_number(name))
    return name;
  std::string quoted(1, '"');
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c == '\n' || c == '\r' ? ' ' : c;
  }
  quoted += '"';
  return quoted;
}

/// The shortest digits of each double; one line per row.
std::string csv_rows(DataReader& reader, Index first, Index count) {
  const Index columns = reader.n_columns();
  std::vector<double> values(static_cast<std::size_t>(count * columns));
  reader.read(first, count, values.data());
  std::string text;
  std::array<char, 32> digits;
  for (Index i = 0; i < count * columns; ++i) {
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), values[static_cast<std::size_t>(i)]);
    text.append(digits.data(), end);
    text += (i + 1) % columns == 0 ? '\n' : ',';
  }
  return text;
}

/// The ranks take pieces of rows in turns; each turn's texts lie one behind the other.
void write_csv(const Communicator& comm, DataReader& reader, const AtomicFile& file) {
  std::string header;
  for (const std::string& name : reader.feature_names()) header.append(csv_name(name)).push_back(',');
  if (!header.empty()) header.back() = '\n';
  comm.together([&] {
    if (comm.is_root()) file.write(0, std::as_bytes(std::span(header)));
  });
  std::int64_t offset = static_cast<std::int64_t>(header.size());
  const Index piece = std::max<Index>(1, piece_rows(reader) / 4), n = reader.n_rows();
  for (Index turn = 0; turn < n; turn += piece * comm.size()) {
    std::string text;
    comm.together([&] {
      const Index first = std::min(n, turn + piece * comm.rank());
      text = csv_rows(reader, first, std::min(piece, n - first));
    });
    const auto size = static_cast<std::int64_t>(text.size());
    const std::vector<std::int64_t> sizes = comm.all_gather(std::span<const std::int64_t>(&size, 1));
    const std::int64_t before = std::accumulate(sizes.begin(), sizes.begin() + comm.rank(), std::int64_t{0});
    comm.together([&] { file.write(offset + before, std::as_bytes(std::span(text))); });
    offset = std::accumulate(sizes.begin(), sizes.end(), offset);
  }
}

}  // namespace

void convert(const Communicator& comm, const std::string& in_spec, const std::string& out_spec) {
  convert(comm, *open_data(comm, in_spec), in_spec, out_spec);
}

void convert(const Communicator& comm, DataReader& rows, const std::string& in_spec,
             const std::string& out_spec) {
  const DataSpec in = parse_data_spec(in_spec), out = parse_data_spec(out_spec);
  const DataFormat format = format_of_extension(out);
  comm.together([&] { rows.begin_streaming(); });
  AtomicFile file(comm, out.path);
  switch (format) {
    case DataFormat::hdf5:
      write_hdf5(comm, in, rows, out, file);
      break;
    case DataFormat::npy:
      write_npy(comm, rows, file);
      break;
    case DataFormat::csv:
      write_csv(comm, rows, file);
      break;
  }
  file.commit();
}

}  // namespace gmmpi
