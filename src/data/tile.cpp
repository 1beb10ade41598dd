// Tile: widening and transposing.
#include <algorithm>

#include "data/tile.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

static_assert(kTile == kTileRows);

Tile::Tile(int n_columns)
    : d_(n_columns),
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
    for (int j = 0; j < d_; ++j) to[j] = static_cast<double>(rows[Index{r} * d_ + j]);
  }
  for (int j = 0; j < d_; ++j)
    for (int r = 0; r < kTileRows; ++r) xt_[j * kTileRows + r] = x_[r * stride_ + j];
}

void Tile::load(const Block& block, int offset) {
  n_rows_ = std::min(kTileRows, block.n_rows - offset);
  first_row_ = block.first_row + offset;
  for (int r = 0; r < kTileRows; ++r)
    weights_[r] = r >= n_rows_ ? 0.0 : block.weights ? block.weights[offset + r] : 1.0;
  std::visit([&](const auto* rows) { fill(rows + Index{offset} * d_); }, block.rows);
}

}  // namespace gmmpi
