// A tile: the few rows that the kernels work on at a time.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/kernels/aligned.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

/// A tile of up to kTileRows rows, widened to double in both layouts the kernels want. Rows beyond the
/// tile's end and rows of weight zero are zeros of weight zero.
class Tile {
 public:
  Tile(int n_columns, const KernelTable& kernels);
  /// Rows [offset, offset + kTileRows) of `block`, as far as they exist.
  void load(const Block& block, int offset);

  int n_rows() const { return n_rows_; }
  Index row(int r) const { return numbers_ ? numbers_[r] : first_row_ + r; }  ///< its global number
  const double* x() const { return x_.data(); }              ///< kTileRows x padded(d), row-major
  const double* xt() const { return xt_.data(); }            ///< d x kTileRows
  const double* weights() const { return weights_.data(); }  ///< kTileRows

  /// Of blocks whose rows are taken one by one: what is known of each. Gaps are zeros of xt then.
  bool is_partial() const { return is_partial_; }
  bool has_gaps() const { return has_gaps_; }
  ObservedRows observed() const { return observed(n_rows_, xt_.data(), has_gaps_); }
  /// The same, row by row: values, errors and mask side by side; kTileRows x padded(n_known()).
  const double* known() const { return known_.data(); }
  int n_known(bool with_mask = true) const { return d_ + n_stored_errors() + (with_mask ? d_ : 0); }
  /// The view of rows like those of known(), transposed to n_known(with_mask) x kTileRows.
  ObservedRows observed(int n_rows, const double* known_t, bool with_mask) const;
  const double* n_observed() const { return n_observed_.data(); }  ///< kTileRows: columns that rows have

 private:
  template <class T>
  void fill(const T* rows);
  void transpose(int n_columns, const AlignedDoubles& rows);
  void fill_known();
  template <class T>
  void fill_errors(const T* errors);
  int n_stored_errors() const { return n_errors_ <= d_ ? n_errors_ : d_ * (d_ + 1) / 2; }

  const KernelTable* kernels_;
  int d_, stride_, n_rows_ = 0;
  Index first_row_ = 0;
  const Index* numbers_ = nullptr;
  AlignedDoubles x_, xt_, weights_;
  bool is_partial_ = false, has_gaps_ = false;
  int n_errors_ = 0;
  AlignedDoubles known_, n_observed_;  ///< of partial tiles
};

}  // namespace gmmpi
