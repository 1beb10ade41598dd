// Tile: widening and transposing.
#include "data/tile.hpp"

#include <algorithm>
#include <cmath>

#include "gmmpi/expect.hpp"

namespace gmmpi {

static_assert(kTile == kTileRows);

Tile::Tile(int n_columns, const KernelTable& kernels)
    : kernels_(&kernels),
      d_(n_columns),
      stride_(padded(n_columns)),
      x_(std::size_t(kTileRows) * stride_),
      weights_(kTileRows) {}

template <class T>
void Tile::fill(const T* rows) {
  for (int r = 0; r < kTileRows; ++r) {
    double* to = x_.data() + r * stride_;
    if (weights_[r] == 0.0) {
      std::fill_n(to, d_, 0.0);
      continue;
    }
    std::copy_n(rows + Index{r} * d_, d_, to);
  }
}

/// Rows of `padded(n_columns)` values to xt.
void Tile::transpose(int n_columns, const AlignedDoubles& rows) {
  const double* begins[kTileRows];
  for (int r = 0; r < kTileRows; ++r) begins[r] = rows.data() + r * padded(n_columns);
  xt_.resize(std::size_t(kTileRows) * n_columns);
  kernels_->transpose_rows(n_columns, begins, kTileRows, xt_.data());
}

void Tile::load(const Block& block, int offset) {
  GMMPI_EXPECT(offset >= 0 && offset < block.n_rows && offset % kTileRows == 0);
  n_rows_ = std::min(kTileRows, block.n_rows - offset);
  first_row_ = block.first_row + offset;
  numbers_ = block.numbers ? block.numbers + offset : nullptr;
  for (int r = 0; r < kTileRows; ++r)
    weights_[r] = r >= n_rows_ ? 0.0 : block.weights ? block.weights[offset + r] : 1.0;
  std::visit([&](const auto* rows) { fill(rows + Index{offset} * d_); }, block.rows);
  is_partial_ = block.rowwise;
  if (!is_partial_) return transpose(d_, x_);
  n_errors_ = block.n_errors;
  fill_known();
  if (n_errors_ > 0)
    std::visit([&](const auto* errors) { fill_errors(errors + Index{offset} * n_errors_); }, block.errors);
  transpose(n_known(), known_);
}

/// Gaps become zeros beside a mask.
void Tile::fill_known() {
  const int stride = padded(n_known()), to_mask = n_known(false);
  known_.resize(std::size_t(kTileRows) * stride);
  n_observed_.assign(kTileRows, 0.0);
  has_gaps_ = false;
  for (int r = 0; r < kTileRows; ++r) {
    const double* x = x_.data() + r * stride_;
    double *values = known_.data() + r * stride, *mask = values + to_mask;
    for (int j = 0; j < d_; ++j) {
      const bool missing = std::isnan(x[j]);
      values[j] = missing ? 0.0 : x[j];
      mask[j] = missing ? 0.0 : 1.0;
      n_observed_[r] += mask[j];
      has_gaps_ |= missing;
    }
  }
}

/// As variances or the lower triangle; zeros where values are missing, and in rows of weight zero.
template <class T>
void Tile::fill_errors(const T* errors) {
  for (int r = 0; r < kTileRows; ++r, errors += n_errors_) {
    double* to = known_.data() + r * padded(n_known()) + d_;
    const double* mask = to + n_stored_errors();
    if (weights_[r] == 0.0) {
      std::fill_n(to, n_stored_errors(), 0.0);
    } else if (n_errors_ == d_) {
      for (int i = 0; i < d_; ++i) {
        const auto deviation = static_cast<double>(errors[i]);
        to[i] = mask[i] != 0.0 ? deviation * deviation : 0.0;
      }
    } else {
      for (int i = 0; i < d_; ++i)
        for (int j = 0; j <= i; ++j)
          *to++ = mask[i] != 0.0 && mask[j] != 0.0 ? static_cast<double>(errors[i * d_ + j]) : 0.0;
    }
  }
}

ObservedRows Tile::observed(int n_rows, const double* known_t, bool with_mask) const {
  GMMPI_EXPECT(is_partial_);
  const auto from = [&](int column) { return known_t + Index{column} * kTileRows; };
  return {d_,
          n_rows,
          known_t,
          with_mask ? from(n_known(false)) : nullptr,
          n_errors_ > 0 ? from(d_) : nullptr,
          n_errors_ == d_ ? ErrorShape::variances : ErrorShape::covariances};
}

}  // namespace gmmpi
