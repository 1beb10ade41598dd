// Columns that options name, by number or by the model's feature names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/name_match.hpp"
#include "app/options.hpp"
#include "gmmpi/data/data_reader.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi::app {

/// A model and the names of its columns, if its file has them.
struct NamedModel {
  Mixture mixture;
  std::vector<std::string> feature_names;

  ColumnNames column_names() const { return {feature_names, mixture.n_features}; }
  /// The name of a column, or its number.
  std::string name(int column) const;
  /// Names of some columns; none if the model has none.
  std::vector<std::string> names(const std::vector<int>& columns) const;
};

/// Collective. Errors as read_model.
NamedModel read_named_model(const Execution& execution, const std::string& path);

/// Collective. The model in the units of the data: rows stay what they are. Noise is no obstacle where they
/// are those of the fit. Errors as read_model.
NamedModel read_model_in_data_units(const Execution& execution, const std::string& path);

/// The columns of an option such as `--keep 0,2` or `--keep height,width`. A whole number is a column's
/// number, anything else a name. Error 64 naming the option unless they exist and differ, and leave at least
/// `n_left` columns.
std::vector<int> parse_columns(const Options& options, const std::string& option, const ColumnNames& known,
                               int n_left);

/// Columns of a table, and where they are in it.
struct ChosenColumns {
  std::unique_ptr<DataReader> rows;
  std::vector<int> places;
};

/// Collective. The columns of DATA that --columns names, else all but those that are `taken` for weights or
/// labels; of these, by places_of, those that
/// the command's model, start or transform has, in its order (regress: or those that are no targets). What
/// --columns names is taken in its order, with a warning, where names contradict. Errors: 64, 65; those of
/// read_feature_names.
ChosenColumns choose_columns(const Execution& execution, const Options& options,
                             std::unique_ptr<DataReader> rows, const std::vector<int>& taken = {});

struct GivenValues {
  std::vector<int> columns;
  std::vector<double> values;
};

/// The columns and values of an option such as `--given 0=1.5,width=-1`; at least one column is left.
/// Error 64.
GivenValues parse_given(const Options& options, const std::string& option, const NamedModel& model);

}  // namespace gmmpi::app
