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
  // The transpose, two rows by two columns at a time (padding columns are there to be read).
  using Pair = double __attribute__((vector_size(16), aligned(8)));
  for (int r = 0; r < kTileRows; r += 2)
    for (int j = 0; j < d_; j += 2) {
      const Pair a = *reinterpret_cast<const Pair*>(x_.data() + r * stride_ + j);
      const Pair b = *reinterpret_cast<const Pair*>(x_.data() + (r + 1) * stride_ + j);
      *reinterpret_cast<Pair*>(xt_.data() + j * kTileRows + r) = Pair{a[0], b[0]};
      if (j + 1 < d_) *reinterpret_cast<Pair*>(xt_.data() + (j + 1) * kTileRows + r) = Pair{a[1], b[1]};
    }
}

void Tile::load(const Block& block, int offset) {
  n_rows_ = std::min(kTileRows, block.n_rows - offset);
  first_row_ = block.first_row + offset;
  for (int r = 0; r < kTileRows; ++r)
    weights_[r] = r >= n_rows_ ? 0.0 : block.weights ? block.weights[offset + r] : 1.0;
  std::visit([&](const auto* rows) { fill(rows + Index{offset} * d_); }, block.rows);
}

}  // namespace gmmpi
