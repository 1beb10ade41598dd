// An affine map of rows and its way back: standardised columns, or principal components.
#pragma once

#include <span>
#include <vector>

namespace gmmpi {

struct KernelTable;

/// y = P (x - center) / scale, and back x = center + P^T (scale y); P has orthonormal rows, or is the
/// identity. With fewer components than columns the way back leads to the nearest point of their subspace.
/// Bishop (2006), sections 12.1.1 and 12.1.3. Every sum is taken in the order of its index, so that no bit
/// depends on anything but the numbers.
struct Transform {
  std::vector<double> center;      ///< (d)
  std::vector<double> components;  ///< P (m, d); empty: the identity, m = d
  std::vector<double> scale;       ///< (m), positive

  bool empty() const { return center.empty(); }
  int n_inputs() const { return static_cast<int>(center.size()); }  ///< d
  int n_outputs() const { return static_cast<int>(scale.size()); }  ///< m
  /// What is lost cannot be brought back: m < d.
  bool loses() const { return scale.size() < center.size(); }

  /// Rows x (n, d) to rows y (n, m).
  void apply(std::span<const double> x, std::span<double> y) const;
  /// Rows y (n, m) to rows x (n, d).
  void invert(std::span<const double> y, std::span<double> x) const;

  bool operator==(const Transform&) const = default;
};

/// What is added to ln p(y) to make it ln p(x): -sum ln scale. Where the transform loses, the density of x is
/// that of its projection, per volume of the subspace in the units of x.
double log_volume(const Transform& transform, const KernelTable& kernels);
/// (d) each column's part of that; empty if the transform is, or mixes columns.
std::vector<double> log_scales(const Transform& transform, const KernelTable& kernels);

}  // namespace gmmpi
