// Eigenvalues and eigenvectors of symmetric matrices, the same bits everywhere.
#pragma once

#include <span>
#include <vector>

namespace gmmpi {

struct SymmetricEigen {
  std::vector<double> values;   ///< (d), falling
  std::vector<double> vectors;  ///< (d, d): row j is the unit vector that belongs to values[j]
};

/// Of a symmetric (d, d) matrix, by cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations,
/// section 8.5). A rotation is left out where the entry is small beside its own two diagonal entries, so that
/// small eigenvalues of graded positive definite matrices are as accurate as large ones (Demmel & Veselic,
/// SIAM J. Matrix Anal. Appl. 13, 1992).
SymmetricEigen symmetric_eigen(std::span<const double> matrix, int d);

}  // namespace gmmpi
