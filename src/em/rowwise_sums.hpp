// The sums of one block of rows that each have a covariance of their own.
#pragma once

#include <span>
#include <vector>

#include "gmmpi/kernels/scatter_shape.hpp"
#include "model/rowwise_density.hpp"

namespace gmmpi {

/// What BlockSums is for rows that are known: with b and B the mean and covariance of the true row given what
/// is observed, moments are of b, and second ones get B besides. Bovy, Hogg & Roweis (2011), eqs. 16 and 17.
class RowwiseSums {
 public:
  RowwiseSums(const MomentLayout& layout, const KernelTable& kernels);

  void clear();
  /// Adds tiles: `gamma` per tile K x kTile, `centers` K x padded(d). Rows that count are gathered.
  void add(std::span<const Tile> tiles, const double* gamma, const RowwiseDensity& density,
           const double* centers);
  /// The sums in the layout's order.
  const std::vector<double>& collect();

  /// What one thread's take.
  static std::int64_t bytes(const MomentLayout& layout);

 private:
  void gather(const Tile& tile, const double* gamma);
  void split_and_gather(const Tile& tile, double least_observed, const double* gamma, const FewGaps& few_gaps,
                        int k, const double* center);
  void gather_few_gaps(const double* x, double gamma);
  void flush(int k, const Tile& like, const RowwiseDensity& density, const double* center);
  void flush_few_gaps(int k, const FewGaps& few_gaps, const double* center);
  void add_rows(int k, const ObservedRows& rows, const RowwiseDensity& density, const double* gamma,
                const double* center);
  CompletionSums lanes(const double* gamma, const double* center);
  void fold(int k);

  MomentLayout layout_;
  const KernelTable& kernels_;
  int most_idle_;  ///< so many rows of a tile may count nothing, and it is still added as it is
  bool has_mask_ = false;
  AlignedDoubles counts_;  ///< K x 8 lanes
  // Gathered, with room for the last whole vector that gather_rows stores:
  int n_rows_ = 0;
  const double* rows_[kGathered + kPad];
  AlignedDoubles gamma_, known_t_;
  // Gathered of those that lack few columns:
  int n_few_ = 0;
  const double* few_rows_[kTile];
  GapLists few_gaps_;
  AlignedDoubles few_xt_, few_gamma_;
  AlignedDoubles complete_;  ///< a row of zeros
  AlignedDoubles s1_, s2_, scratch_;
  std::vector<double> sums_;
};

}  // namespace gmmpi
