// The matching of least total cost between two groups.
#pragma once

#include <span>
#include <vector>

namespace gmmpi {

/// `cost` is (n_rows, n_columns), row-major, finite. Pairs min(n_rows, n_columns) rows and columns so that
/// the sum of their costs is least; returns the column of each row, -1 for none. By shortest augmenting paths
/// with potentials, O(min(n)^2 max(n)): Kuhn (1955), Jonker & Volgenant (1987), for rectangles Crouse (2016).
std::vector<int> optimal_matching(std::span<const double> cost, int n_rows, int n_columns);

}  // namespace gmmpi
