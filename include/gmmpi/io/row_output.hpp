// An HDF5 file of N-row datasets that all ranks write at once, each its own rows.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// An attribute of the root group.
struct Attribute {
  std::string name;
  std::variant<std::string, double> value;
};

/// Written to a temporary name in the same directory: rank 0 creates contiguous datasets with early
/// allocation and closes the file; each rank writes its rows with pwrite at the dataset's offset;
/// `commit` renames when all have succeeded. Destroyed without commit, it removes the temporary.
class RowOutput final : public RowSink {
 public:
  /// Collective. `filetype` is one of the attributes.
  /// Errors: 73 cannot create (missing or unwritable directory: 73 or 77), 74 I/O.
  RowOutput(const Communicator& comm, std::string path, Index n_rows, std::vector<OutputColumn> columns,
            const std::vector<Attribute>& attributes);
  ~RowOutput() override;
  RowOutput(const RowOutput&) = delete;
  RowOutput& operator=(const RowOutput&) = delete;

  void write(std::size_t column, Index first, Index count, const void* values) const override;
  /// Collective. Flushes and renames; only then the file exists under its name.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gmmpi
