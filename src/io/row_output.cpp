// A file of N-row arrays that all ranks write at once, each its own rows.
#include "gmmpi/io/row_output.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "io/atomic_file.hpp"
#include "io/row_encoder.hpp"
#include "io/row_file.hpp"

namespace gmmpi {

namespace {

/// Values that a rank brings into the form of the file at a time.
constexpr Index kPieceValues = Index{1} << 16;

}  // namespace

/// Rows go to their place in the file at once, where that is known: in HDF5 files, and in the npy file of a
/// single array. Else to a scratch file, array by array, from which commit() makes lines or records of them.
struct RowOutput::Impl {
  Impl(const Communicator& communicator, const std::string& path, Index n)
      : comm(communicator), n_rows(n), format(output_format(path)), file(comm, path) {
    const BlockGrid grid(n_rows);
    first_row = grid.first_row_of_rank(comm.rank(), comm.size());
    own_rows = grid.first_row_of_rank(comm.rank() + 1, comm.size()) - first_row;
  }

  void begin(std::vector<OutputColumn> all, const std::vector<Attribute>& attributes) {
    for (const OutputColumn& column : all) {
      const bool left_out = format == DataFormat::npy && column.is_companion;
      places.push_back(left_out ? kLeftOut : columns.size());
      if (!left_out) columns.push_back(column);
    }
    if (format == DataFormat::hdf5) {
      begin_hdf5(attributes);
      return;
    }
    encoder.emplace(format, columns);
    const std::string header = encoder->header(n_rows);
    behind_header = static_cast<std::int64_t>(header.size());
    comm.together([&] {
      if (comm.is_root()) file.write(0, std::as_bytes(std::span(header)));
    });
    if (format == DataFormat::npy && columns.size() == 1) {
      offsets = {behind_header};
      return;
    }
    comm.together([&] { scratch.emplace(file.path()); });
    std::int64_t offset = 0;
    for (const OutputColumn& column : columns) {
      offsets.push_back(offset - first_row * row_bytes(column));
      offset += own_rows * row_bytes(column);
    }
  }

  /// The columns of data have their names in a dataset of their own, which readers look for.
  void begin_hdf5(const std::vector<Attribute>& attributes) {
    RowFileLayout layout{n_rows, columns, attributes, {}};
    const bool is_data = std::ranges::any_of(attributes, [](const Attribute& a) {
      return a.name == "filetype" && a.value == decltype(a.value)("gmmpi-data");
    });
    if (is_data && layout.columns[0].columns > 0) layout.feature_names.swap(layout.columns[0].names);
    offsets = begin_row_file(comm, file, layout);
  }

  void write(std::size_t column, Index first, Index count, const void* values) const {
    if (places.at(column) == kLeftOut) return;
    const std::size_t place = places[column];
    const Index row = row_bytes(columns[place]);
    const auto bytes =
        std::span(static_cast<const std::byte*>(values), static_cast<std::size_t>(count * row));
    const std::int64_t offset = offsets[place] + first * row;
    if (scratch)
      scratch->write(offset, bytes);
    else
      file.write(offset, bytes);
  }

  /// Own rows, piece by piece, as the file is to hold them.
  void for_each_piece(const std::function<void(const std::string&)>& use) const {
    Index values = 0;
    for (const OutputColumn& column : columns) values += row_values(column);
    const Index piece = std::max<Index>(1, kPieceValues / std::max<Index>(values, 1)),
                end = first_row + own_rows;
    std::vector<std::vector<std::byte>> buffers(columns.size());
    for (Index row = first_row; row < end; row += piece) {
      const Index count = std::min(piece, end - row);
      std::vector<const std::byte*> pieces;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        buffers[i].resize(static_cast<std::size_t>(count * row_bytes(columns[i])));
        scratch->read(offsets[i] + row * row_bytes(columns[i]), buffers[i]);
        pieces.push_back(buffers[i].data());
      }
      use(encoder->rows(count, pieces));
    }
  }

  /// Where the rows of this rank begin depends on how long the lines of those before it are.
  void write_side_by_side() {
    std::int64_t size = own_rows * encoder->bytes_of_a_row();
    comm.together([&] {
      if (encoder->bytes_of_a_row() == 0)
        for_each_piece([&](const std::string& text) { size += static_cast<std::int64_t>(text.size()); });
    });
    const std::vector<std::int64_t> sizes = comm.all_gather(std::span<const std::int64_t>(&size, 1));
    std::int64_t offset = std::accumulate(sizes.begin(), sizes.begin() + comm.rank(), behind_header);
    comm.together([&] {
      for_each_piece([&](const std::string& text) {
        file.write(offset, std::as_bytes(std::span(text)));
        offset += static_cast<std::int64_t>(text.size());
      });
    });
  }

  static constexpr std::size_t kLeftOut = static_cast<std::size_t>(-1);

  Communicator comm;
  Index n_rows = 0, first_row = 0, own_rows = 0;
  DataFormat format;
  AtomicFile file;
  std::vector<OutputColumn> columns;  ///< those that the format keeps
  std::vector<std::size_t> places;    ///< of each array among them
  std::vector<std::int64_t> offsets;  ///< of row 0 of each, in the file or the scratch file
  std::int64_t behind_header = 0;
  std::optional<RowEncoder> encoder;
  std::optional<ScratchFile> scratch;
};

RowOutput::RowOutput(const Communicator& comm, std::string path, Index n_rows,
                     std::vector<OutputColumn> columns, const std::vector<Attribute>& attributes)
    : impl_(new Impl(comm, path, n_rows)) {
  impl_->begin(std::move(columns), attributes);
}

RowOutput::~RowOutput() = default;

void RowOutput::write(std::size_t column, Index first, Index count, const void* values) const {
  impl_->write(column, first, count, values);
}

void RowOutput::commit() {
  if (impl_->scratch) impl_->write_side_by_side();
  impl_->file.commit();
}

}  // namespace gmmpi
