// --sample-weight, --errors, --labels and --init-labels: columns of DATA, or files of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/options.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/io/open_data.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

struct BesideRows {
  std::unique_ptr<DataReader> weights{}, errors{};
  LabelColumn labels{}, init_labels{};
  std::vector<int> taken{};          ///< columns of DATA that they are, which are no features then
  std::vector<int> error_columns{};  ///< of DATA, that a file of errors may be of: all that are not taken
};

/// Collective. What an option names: a column of DATA by its name, else by its number, else a file. So ./w
/// names a file where a column is called w. `data`: all of DATA. Says which columns it takes, and the classes
/// where labels are text. Errors: 64 (several columns of that name, or neither column nor file), 65 (not one
/// value per row), those of open_column.
BesideRows open_beside(const Execution& execution, const Options& options, const DataReader& data);

/// The errors of the columns `chosen`, of which they are standard deviations or covariances: as they are
/// given, or out of those of all columns `offered`, in the order of DATA. Error 65 if they are neither, or
/// may be both.
std::unique_ptr<DataReader> errors_of_columns(std::unique_ptr<DataReader> errors,
                                              const std::vector<int>& chosen,
                                              const std::vector<int>& offered);

}  // namespace gmmpi::app
