// --standardize, --pca and --whiten of fits: the transform that the rows go through.
#pragma once

#include "app/inputs.hpp"
#include "gmmpi/inference/principal_components.hpp"

namespace gmmpi::app {

/// How many principal components are kept.
struct ComponentChoice {
  int count = 0;       ///< 0: by share
  double share = 1.0;  ///< of the total variance
};

/// A number such as 41, or a share of the variance such as 0.99 (with a point). Error 64 naming `option`.
ComponentChoice parse_component_choice(const std::string& option, const std::string& text);

/// Local. The transform to so many of the components. Errors: 64 naming `option`, 65.
Transform chosen_components(const PrincipalComponents& p, const ComponentChoice& choice, bool whiten,
                            const std::string& option);

/// Local. Whether the options ask for a transform. Error 64 where they contradict each other.
bool asks_for_transform(const Options& options);

/// What the rows were before they went through a transform.
struct Prepared {
  Transform transform;
  std::string fingerprint;  ///< of the rows as they are in the file
  std::string text;         ///< "41 principal components of 64 columns, 99.01% of the variance"
};

/// Collective. Reads the rows, makes the transform that the options ask for, and puts it before `data`.
/// Errors: those of reading; 64 and 65 of PrincipalComponents.
Prepared prepare(const Execution& execution, const Options& options, OpenedData& data);

}  // namespace gmmpi::app
