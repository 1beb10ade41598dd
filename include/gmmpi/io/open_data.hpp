// Opening data files of any format: HDF5, npy or csv.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/parallel/communicator.hpp"

namespace gmmpi {

/// What the user wrote: `file.h5[:/dataset]`, `file.npy` or `file.csv`.
struct DataSpec {
  std::string path;
  std::string dataset;  ///< HDF5 only; empty: the default
  std::string text;     ///< as the user wrote it, for messages
};
DataSpec parse_data_spec(const std::string& text);

/// How text tables are to be read. What is left open is found in the first lines of the file.
struct TextFormat {
  enum class Header { automatic, yes, no };
  Header header = Header::automatic;   ///< whether the first line holds the names of the columns
  char separator = '\0';               ///< of fields; a blank: runs of blanks and tabs; '\0': to be found
  char decimal = '.';                  ///< or ','
  std::vector<std::string> missing{};  ///< codes of missing values besides the usual ones
  bool operator==(const TextFormat&) const = default;
};

/// Collective. Opens a 2-D table; all ranks throw the same Error. Errors: 66 missing file; 77 no
/// permission; 65 everything else (directory, empty, not of its format, no such dataset, a group,
/// 0 rows or columns, not 2-D, strings, complex numbers).
std::unique_ptr<DataReader> open_data(const Communicator& comm, const std::string& spec,
                                      const std::string& default_dataset = "/X", const TextFormat& text = {});

/// Collective. Opens a 1-D column of N numbers (or N x 1), such as sample weights or labels;
/// `what` names it in messages. Otherwise as open_data.
std::unique_ptr<DataReader> open_column(const Communicator& comm, const std::string& spec,
                                        const std::string& default_dataset, const std::string& what,
                                        const TextFormat& text = {});

/// Labels of rows: whole numbers, or, where the column holds text, the place of each in `classes`, the
/// different texts in the order of their bytes. NaN where a label is missing (or
/// is -1 among texts).
struct LabelColumn {
  std::unique_ptr<DataReader> values;
  std::vector<std::string> classes{};  ///< empty: they are numbers
};

/// Collective. Column `column` of a table, as labels; `name` names it in messages. Errors 65 (more than a
/// million classes), 74.
LabelColumn as_labels(const Communicator& comm, std::unique_ptr<DataReader> table, int column,
                      const std::string& name);

/// Collective. Opens an array of numbers of one to `most_dimensions` dimensions, N first; all values of one
/// first index are a row. Otherwise as open_data.
std::unique_ptr<DataReader> open_array(const Communicator& comm, const std::string& spec,
                                       const std::string& default_dataset = "/X", const TextFormat& text = {},
                                       int most_dimensions = 2);

}  // namespace gmmpi
