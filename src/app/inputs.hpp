// DATA, --sample-weight, --errors and --labels: opened, held in memory or streamed, within the memory that
// there is.
#pragma once

#include <memory>
#include <string>

#include "app/options.hpp"
#include "gmmpi/data/data.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/data/transformed_reader.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi::app {

/// Opened but not read.
struct OpenedData {
  std::unique_ptr<DataReader> rows, weights{}, errors{}, labels{}, init_labels{};
  std::vector<std::string> feature_names{};  ///< of the file's columns
  bool relative_weights = false;             ///< weights are to be scaled, see RelativeWeights
  Missing missing = Missing::error;          ///< what becomes of rows that lack values
  std::vector<std::string> class_names{};    ///< where labels are text: of class 0, 1, ...
};

/// What the rows are read from.
RowReaders readers_of(const OpenedData& data);

/// --missing: what becomes of rows that lack values.
Missing missing_of(const Options& options);

/// Collective. DATA, --sample-weight, --errors, --labels and --init-labels.
OpenedData open_inputs(const Execution& execution, const Options& options);

/// Collective. From now on the rows are read through the transform, which `maker` has made. Errors: 65 for
/// another number of columns, 64 for rows with errors.
void transform_rows(const Execution& execution, OpenedData& data, const Transform& transform,
                    TransformedReader::Direction direction, const std::string& maker);

/// Where the rows are to be, equal on all ranks; bytes are those of the fullest rank.
struct MemoryPlan {
  std::int64_t data_bytes = 0;     ///< of its rows and weights
  std::int64_t working_bytes = 0;  ///< of everything else
  std::int64_t limit = 0;          ///< --memory-limit; 0: none
  std::int64_t stream_bytes = 0;   ///< for held rows and buffers; 0: all rows are held
  StreamData::Plan stream;
  bool streamed() const { return stream_bytes > 0; }
  /// What the rank will take.
  std::int64_t bytes() const { return streamed() ? limit : working_bytes + data_bytes; }
  /// "held in memory", "streamed from the file in every sweep, ..."
  std::string text() const;
};

/// Collective. `working_bytes` are what the command needs besides the data and the program itself. Errors:
/// 64, and 71 naming the least limit that suffices.
MemoryPlan plan_memory(const Execution& execution, const Options& options, const OpenedData& data,
                       std::int64_t working_bytes);

/// Collective. Error 71 if the ranks of a node together need more than it has left.
void check_memory(const Execution& execution, const OpenedData& data, const MemoryPlan& plan);

/// Collective. Reads what is to be held, checks all rows and summarises them. `data` must outlive the result.
std::unique_ptr<Data> read_data(const Execution& execution, const OpenedData& data, const MemoryPlan& plan);

/// A warning where weights are too small to stand for numbers of rows, as BIC and ICL have it; "" if there is
/// none.
std::string warning_of_weights(const OpenedData& opened, const DataSummary& summary);

/// Rows that are read: held, or read again from what is opened.
struct InputData {
  OpenedData opened;
  std::unique_ptr<Data> rows;
};

/// Collective. Plans, checks memory, reads, checks and summarises. `bytes_per_row` comes on top of each row.
InputData read_inputs(const Execution& execution, const Options& options, OpenedData opened,
                      std::int64_t working_bytes, std::int64_t bytes_per_row = 0);

/// Collective. The same with DATA and --sample-weight, through the transform of the model MODEL if it is not
/// empty.
InputData read_inputs(const Execution& execution, const Options& options, std::int64_t working_bytes,
                      std::int64_t bytes_per_row = 0, const Transform& transform = {});

/// What a rank needs to compute such arrays from a model, which its threads hold and write block by block.
std::int64_t writing_bytes(const Execution& execution, const Mixture& model,
                           const std::vector<OutputColumn>& columns);

}  // namespace gmmpi::app
