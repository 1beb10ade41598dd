// How well the labels of a mixture agree with known classes.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

struct Agreement {
  double adjusted_rand_index = 0.0;  ///< see adjusted_rand_index; noise is one group more
  double accuracy = 0.0;  ///< share of the rows whose component is matched with their class; noise never is
  Index n_rows = 0;       ///< rows of a known class
  std::vector<int> class_of;  ///< (K) the class that a component is matched with, -1: none
};

/// Collective. How many rows have label k under the mixture and are of class c: (K, C), with noise (K + 1,
/// C), the last row that of the noise. Rows of weight zero and of unknown class are left out; others count
/// once, whatever their weight.
std::vector<Index> class_table(const Execution& execution, const Data& data, const Mixture& mixture,
                               const RowLabels& labels);

/// Local. Of such a table. Components and classes are paired one to one, as many as both have, so that the
/// accuracy is largest.
Agreement agreement(std::span<const Index> table, int n_components, int n_classes);

}  // namespace gmmpi
