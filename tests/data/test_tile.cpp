// Tile: both layouts of a block's rows, and padding that counts nowhere.
#include "data/tile.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace gmmpi;

namespace {

/// A block of `n` rows of 0, 1, 2, ...; the last row is of weight zero and not finite.
template <class T>
struct Rows {
  std::vector<T> x;
  std::vector<double> weights;
  Block block;

  Rows(int n, int d) {
    for (int e = 0; e < n * d; ++e) x.push_back(static_cast<T>(e));
    for (int j = 0; j < d; ++j) x[std::size_t(n - 1) * d + j] = std::numeric_limits<T>::quiet_NaN();
    for (int r = 0; r < n; ++r) weights.push_back(r + 1 < n ? 1.0 + r : 0.0);
    block.first_row = 1000;
    block.n_rows = n;
    block.rows = static_cast<const T*>(x.data());
    block.weights = weights.data();
  }
};

template <class T>
void check_tiles(int d) {
  const int n = kTileRows + 7;
  const Rows<T> rows(n, d);
  Tile tile(d, select_kernels("scalar"));
  for (const int offset : {0, kTileRows}) {
    tile.load(rows.block, offset);
    CHECK(tile.n_rows() == (offset == 0 ? kTileRows : 7));
    CHECK(tile.row(0) == 1000 + offset);
    for (int r = 0; r < kTileRows; ++r) {
      const int row = offset + r;
      const bool counts = row < n - 1;
      CHECK(tile.weights()[r] == (counts ? 1.0 + row : 0.0));
      for (int j = 0; j < padded(d); ++j)
        CHECK(tile.x()[r * padded(d) + j] == (counts && j < d ? row * d + j : 0));
      for (int j = 0; j < d; ++j) CHECK(tile.xt()[j * kTileRows + r] == tile.x()[r * padded(d) + j]);
    }
  }
}

}  // namespace

TEST_CASE("Tile: rows stand in both layouts, and padding and rows of weight zero are zeros", "[serial]") {
  for (const int d : {1, 3, 8, 11}) {
    check_tiles<double>(d);
    check_tiles<float>(d);
  }
}

TEST_CASE("Tile: rows without weights count once", "[serial]") {
  Rows<double> rows(5, 2);
  rows.block.weights = nullptr;
  rows.x.back() = rows.x[8] = 0.0;
  Tile tile(2, select_kernels("auto"));
  tile.load(rows.block, 0);
  for (int r = 0; r < kTileRows; ++r) CHECK(tile.weights()[r] == (r < 5 ? 1.0 : 0.0));
}

TEST_CASE("Tile: what is known of incomplete and noisy rows stands side by side, and transposed",
          "[serial]") {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Rows<double> rows(kTileRows + 3, 2);
  rows.x[3] = kNaN;  // row 1, column 1
  rows.block.rowwise = true;
  for (const bool deviations : {true, false}) {
    std::vector<float> errors(4 * (kTileRows + 3), 0.5f);
    errors[deviations ? 3 : 6] = static_cast<float>(kNaN);  // of what is missing
    rows.block.errors = static_cast<const float*>(errors.data());
    rows.block.n_errors = deviations ? 2 : 4;
    const int n_stored = deviations ? 2 : 3;
    Tile tile(2, select_kernels("auto"));
    for (const int offset : {0, kTileRows}) {
      tile.load(rows.block, offset);
      CHECK(tile.has_gaps() == (offset == 0));
      CHECK(tile.n_known() == 2 + n_stored + 2);
      CHECK(tile.n_known(false) == 2 + n_stored);
      const ObservedRows all = tile.observed();
      CHECK((all.mask != nullptr) == tile.has_gaps());
      CHECK(all.shape == (deviations ? ErrorShape::variances : ErrorShape::covariances));
      for (int r = 0; r < tile.n_rows(); ++r) {
        const double* known = tile.known() + r * padded(tile.n_known());
        const bool counts = tile.weights()[r] != 0.0, lacks = offset + r == 1;
        CHECK(tile.n_observed()[r] == (lacks ? 1 : 2));
        for (int j = 0; j < 2; ++j) {
          const bool missing = lacks && j == 1;
          CHECK(known[j] == (counts && !missing ? 2 * (offset + r) + j : 0));
          CHECK(known[2 + n_stored + j] == (missing ? 0 : 1));
        }
        const double variance = !counts ? 0.0 : deviations ? 0.25 : 0.5;
        CHECK(known[2] == variance);
        CHECK(known[2 + n_stored - 1] == (lacks ? 0.0 : variance));
        if (!deviations) CHECK(known[3] == (lacks ? 0.0 : variance));
        for (int e = 0; e < n_stored; ++e) CHECK(all.errors[e * kTileRows + r] == known[2 + e]);
        for (int j = 0; j < 2; ++j) CHECK(all.xt[j * kTileRows + r] == known[j]);
      }
    }
  }
}
