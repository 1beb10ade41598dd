// k-means where rows lack values: sums over the columns that they have.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"

namespace gmmpi {

/// What ClusterSums gives, of rows with gaps.
struct GapClusters {
  std::vector<double> sums;  ///< (K, 1 + d): weight, and it times the mean of the values that are there
  double inertia = 0.0;      ///< squared distances over the columns that rows have
};

/// Collective. The rows nearest to each of the centres (K, d) by the columns that they have, the lowest on a
/// tie. Where no row of a cluster has a column its centre stays. Chi, Chi & Baraniuk, The American
/// Statistician 70 (2016), k-POD, whose fixed points these are.
GapClusters gap_clusters(const Execution& execution, const Data& data, const std::vector<double>& centers);

}  // namespace gmmpi
