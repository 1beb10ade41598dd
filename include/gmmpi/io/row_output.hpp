// A file of N-row arrays that all ranks write at once, each its own rows.
#pragma once

#include <memory>
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

/// By the name of the file. HDF5 (`.h5` and all names but the following): a dataset for each array; the names
/// of its values are its attribute `column_names`, those of the first table of a `gmmpi-data` file are
/// /feature_names. `.csv`: a line of names, then a line per row with the values of all arrays, in the
/// shortest digits that give the same double back. `.npy`: a single array as it is, several as a structured
/// array with a field for each; companions are left out.
///
/// Written to a temporary name in the same directory: rank 0 writes what stands in front of the rows; each
/// rank writes its rows with pwrite, in csv and structured npy files in commit(), from a scratch file in the
/// same directory. `commit` renames when all have succeeded. Destroyed without commit, it removes the
/// temporary. The bytes depend on the rows alone.
class RowOutput final : public RowSink {
 public:
  /// Collective. `filetype` is one of the attributes, which only HDF5 files have. Rows are written by the
  /// rank that owns them by the grid. Error 64 for a name that promises another format (.txt, .parquet ...).
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
