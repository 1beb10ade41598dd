// The start of a fit with labels: the classes' own rows, and seeds where there are none.
#pragma once

#include <string>

#include "em/start.hpp"

namespace gmmpi {

/// What the first M-step is made of: labelled rows at their class and, where `others`, the other rows at the
/// nearest centre.
struct LabelledStart {
  std::vector<double> centers;  ///< (K, d), by class
  bool others = false;
  std::string how;
};

/// Collective. (K, d): the means of the labelled rows; `mean` for classes that have none.
std::vector<double> class_means(const Execution& execution, const Data& data, const std::vector<double>& mean,
                                const RowLabels& labels);

/// Collective. Where each class has more than d labelled rows (or all rows are labelled), these suffice.
/// Otherwise the centres are the means of the labelled rows of each class and, for classes without any, rows
/// drawn by k-means++ beside these; `state.centers` holds those found so far.
LabelledStart labelled_start(const Execution& execution, const Data& data, const std::vector<double>& mean,
                             const FitOptions& options, std::uint64_t seed, FitState& state,
                             const SafePoint& safe_point);

}  // namespace gmmpi
