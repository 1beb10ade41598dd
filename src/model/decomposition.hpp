// Volume, shape and orientation of covariances, as mclust names them.
#pragma once

#include <string>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// Sigma_k = scale_k D_k diag(shape_k) D_k^T (Celeux & Govaert, Pattern Recognition 28, 1995): scale_k =
/// |Sigma_k|^(1/d), the product of a shape is 1, D_k is orthogonal.
struct Decomposition {
  std::vector<double> scale;  ///< (K)
  std::vector<double> shape;  ///< (K, d)
  std::vector<double>
      orientation;  ///< (K, d, d), eigenvectors as columns; the largest entry of each is positive
};

/// Of a factorised mixture with covariances. Shapes fall within each component, but where all have the axes
/// of the columns they follow these, and where all have the same axes, falling variances of all components
/// together.
Decomposition decompose(const Mixture& mixture);

/// Whether the structure has three letters, each E, V or I.
bool has_letters(const CovarianceStructure& structure);

/// What mclust's letters say: "VEV: volumes vary, shapes are equal, orientations vary".
std::string letters_in_words(const CovarianceStructure& structure);

}  // namespace gmmpi
