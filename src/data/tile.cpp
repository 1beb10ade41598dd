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
      xt_(std::size_t(kTileRows) * n_columns),
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
  const double* rows_of_x[kTileRows];
  for (int r = 0; r < kTileRows; ++r) rows_of_x[r] = x_.data() + r * stride_;
  kernels_->transpose_rows(d_, rows_of_x, kTileRows, xt_.data());
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
  if (!is_partial_) return;
  find_gaps();
  n_errors_ = block.n_errors;
  if (n_errors_ > 0)
    std::visit([&](const auto* errors) { fill_errors(errors + Index{offset} * n_errors_); }, block.errors);
}

/// Gaps become zeros beside a mask.
void Tile::find_gaps() {
  mask_.resize(xt_.size());
  n_observed_.assign(kTileRows, 0.0);
  has_gaps_ = false;
  for (std::size_t e = 0; e < xt_.size(); ++e) {
    const bool missing = std::isnan(xt_[e]);
    mask_[e] = missing ? 0.0 : 1.0;
    n_observed_[e % kTileRows] += mask_[e];
    xt_[e] = missing ? 0.0 : xt_[e];
    has_gaps_ |= missing;
  }
}

/// As variances or the lower triangle; zeros where values are missing, and in rows of weight zero.
template <class T>
void Tile::fill_errors(const T* errors) {
  const bool deviations = n_errors_ == d_;
  errors_.resize(std::size_t(deviations ? d_ : d_ * (d_ + 1) / 2) * kTileRows);
  for (int r = 0; r < kTileRows; ++r) {
    const T* row = errors + Index{r} * n_errors_;
    double* to = errors_.data() + r;
    const auto is_there = [&](int j) { return weights_[r] != 0.0 && mask_[j * kTileRows + r] != 0.0; };
    for (int i = 0; i < d_; ++i)
      for (int j = deviations ? i : 0; j <= i; ++j, to += kTileRows) {
        const auto value =
            is_there(i) && is_there(j) ? static_cast<double>(row[deviations ? i : i * d_ + j]) : 0.0;
        *to = deviations ? value * value : value;
      }
  }
}

ObservedRows Tile::observed() const {
  GMMPI_EXPECT(is_partial_);
  return {d_,
          n_rows_,
          xt_.data(),
          has_gaps_ ? mask_.data() : nullptr,
          n_errors_ > 0 ? errors_.data() : nullptr,
          n_errors_ == d_ ? ErrorShape::variances : ErrorShape::covariances};
}

}  // namespace gmmpi
