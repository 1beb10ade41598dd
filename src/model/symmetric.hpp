// Packed upper triangles (row by row) and full symmetric matrices.
#pragma once

#include <vector>

#include "gmmpi/model/covariance_structure.hpp"

namespace gmmpi {

/// Position of entry (i, j), i <= j, in a packed upper triangle of order d.
constexpr std::size_t packed_index(int d, int i, int j) {
  return std::size_t(i) * d - std::size_t(i) * (i + 1) / 2 + j;
}

/// Appends the k-th packed scatter of `m`, divided by `count`, as a full (d, d) matrix.
inline void append_symmetric(const CentralScatter& m, int k, double count, std::vector<double>& out) {
  const int d = m.n_features;
  const double* packed = m.scatter.data() + std::size_t(k) * d * (d + 1) / 2;
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j)
      out.push_back(packed[i <= j ? packed_index(d, i, j) : packed_index(d, j, i)] / count);
}

}  // namespace gmmpi
