// Rows of a data file, whatever its format: HDF5, npy or csv.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gmmpi/data/block_grid.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// How values are held in memory. f4 where every value of the file is exact in it (IEEE half and
/// single, integers of up to 16 bits), f8 otherwise.
enum class ElementType { f4, f8 };

/// What the user wrote: `file.h5[:/dataset]`, `file.npy` or `file.csv`.
struct DataSpec {
  std::string path;
  std::string dataset;  ///< HDF5 only; empty: the default
  std::string text;     ///< as the user wrote it, for messages
};
DataSpec parse_data_spec(const std::string& text);

/// A table of N rows and d columns. `read` is local (not collective) and may be called by every
/// rank for any rows.
class DataReader {
 public:
  virtual ~DataReader() = default;
  Index n_rows() const { return n_rows_; }
  int n_columns() const { return n_columns_; }
  ElementType element() const { return element_; }
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  /// "faithful.csv (csv, 272 x 2, f8)"
  std::string describe() const;
  const std::string& name() const { return name_; }

  /// Rows [first, first + count) into `out`, row-major, count * n_columns() values. The float
  /// version may be called only where element() is f4.
  /// Throws Error 74 (I/O), 65 (a csv field that is not a number, naming row and column).
  virtual void read(Index first, Index count, double* out) = 0;
  virtual void read(Index first, Index count, float* out) = 0;

 protected:
  Index n_rows_ = 0;
  int n_columns_ = 0;
  ElementType element_ = ElementType::f8;
  std::string format_, name_;
  std::vector<std::string> feature_names_;
};

/// Collective. Opens a 2-D table; all ranks throw the same Error. Errors: 66 missing file; 77 no
/// permission; 65 everything else (directory, empty, not of its format, no such dataset, a group,
/// 0 rows or columns, not 2-D, strings, complex numbers).
std::unique_ptr<DataReader> open_data(const Communicator& comm, const std::string& spec,
                                      const std::string& default_dataset = "/X");

/// Collective. Opens a 1-D column of N numbers (or N x 1), such as sample weights or labels;
/// `what` names it in messages. Otherwise as open_data.
std::unique_ptr<DataReader> open_column(const Communicator& comm, const std::string& spec,
                                        const std::string& default_dataset, const std::string& what);

}  // namespace gmmpi
