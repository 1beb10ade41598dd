// Model files that no fit made: marginals, conditionals; and the column names of any model file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gmmpi/model/mixture.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

struct DerivedModel {
  Mixture mixture;
  std::vector<std::string> feature_names;      ///< (d), or none
  std::optional<double> log_density_given;     ///< of a conditional: ln p(x_b)
  std::map<std::string, std::string> options;  ///< how it was made, written to /options
  std::string request;                         ///< as request_text; the root attribute `request`
};

/// Local. Writes a model file as a whole (temporary name, then renamed) and returns its digest, which is that
/// of everything under /model. Errors 73, 74, 77.
std::string write_derived_model(const std::string& path, const DerivedModel& model);

/// Collective. The text dataset /feature_names of a model or transform file; empty if it has none. Errors: 65
/// if there are not `n_features` names (0: any number will do); 66, 74, 77.
std::vector<std::string> read_feature_names(const Execution& execution, const std::string& path,
                                            int n_features = 0);

/// Collective. The text dataset /class_names of a model file, of components 0, 1, ...; empty if it has none.
/// Errors 66, 74, 77.
std::vector<std::string> read_class_names(const Execution& execution, const std::string& path);

}  // namespace gmmpi
