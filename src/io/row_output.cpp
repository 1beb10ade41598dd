// An HDF5 file of N-row datasets that all ranks write at once, each its own rows.
#include "gmmpi/io/row_output.hpp"

#include <utility>

#include "io/atomic_file.hpp"
#include "io/row_file.hpp"

namespace gmmpi {

struct RowOutput::Impl {
  AtomicFile file;
  std::vector<std::int64_t> offsets;  ///< of each dataset's rows in the file
  std::vector<Index> bytes_of_a_row;  ///< of each dataset
};

RowOutput::RowOutput(const Communicator& comm, std::string path, Index n_rows,
                     std::vector<OutputColumn> columns, const std::vector<Attribute>& attributes)
    : impl_(new Impl{AtomicFile(comm, path), {}, {}}) {
  for (const OutputColumn& column : columns) impl_->bytes_of_a_row.push_back(row_bytes(column));
  impl_->offsets = begin_row_file(comm, impl_->file, {n_rows, std::move(columns), attributes, {}});
}

RowOutput::~RowOutput() = default;

void RowOutput::write(std::size_t column, Index first, Index count, const void* values) const {
  const Index row = impl_->bytes_of_a_row.at(column);
  const auto bytes = std::span(static_cast<const std::byte*>(values), static_cast<std::size_t>(count * row));
  impl_->file.write(impl_->offsets[column] + first * row, bytes);
}

void RowOutput::commit() {
  impl_->file.commit();
}

}  // namespace gmmpi
