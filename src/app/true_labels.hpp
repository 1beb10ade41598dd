// --labels of score and compare: how well a model finds known classes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/inputs.hpp"
#include "gmmpi/inference/agreement.hpp"

namespace gmmpi::app {

/// What --labels says of the rows.
class TrueLabels {
 public:
  /// Collective. Reads the labels. Errors of RowLabels.
  TrueLabels(const Execution& execution, const InputData& inputs);

  /// Collective.
  Agreement of(const Execution& execution, const Mixture& mixture) const;

  /// "150 rows; 3 without a label are left out"
  std::string rows_text() const;
  static nlohmann::ordered_json json(const Agreement& agreement);
  /// "adjusted Rand index 0.9, accuracy 0.95 (component: class, 0: 1, 1: 0)"
  static std::string text(const Agreement& agreement);

 private:
  const InputData& inputs_;
  RowLabels labels_;
};

}  // namespace gmmpi::app
