// E-step kernels for partial distances: which rows a component can still matter to, and the rest of their
// squared Mahalanobis distances. Included by src/kernels/targets.

void transpose_rows(int d, const double* const* rows, int n_rows, double* xt) {
  for (int row = 0; row < n_rows; row += kWidth) {
    const double* x[kWidth];
    for (int r = 0; r < kWidth; ++r) x[r] = rows[row + r < n_rows ? row + r : row];
    for (int column = 0; column < d; column += kWidth) {  // padding columns are there to be read
      Vec v[kWidth];
      for (int r = 0; r < kWidth; ++r) v[r] = load(x[r] + column);
      transpose(v);
      for (int j = 0; j < kWidth && column + j < d; ++j) store(xt + (column + j) * kTile + row, v[j]);
    }
  }
}

void likeliest(int n_components, double scale, const double* constants, const double* distances,
               double* guess) {
  const Vec factor = all(-0.5 * scale);
  for (int row = 0; row < kTile; row += kWidth) {
    Vec best = fma(factor, load(distances + row), all(constants[0])), index = Vec{};
    for (int k = 1; k < n_components; ++k) {
      const Vec v = fma(factor, load(distances + Index{k} * kTile + row), all(constants[k]));
      index = v > best ? all(k) : index;
      best = v > best ? v : best;
    }
    store(guess + row, index);
  }
}

int rows_in_reach(int k, double constant, double least_log_share, const double* top, const double* guess,
                  double* distances, int* rows) {
  const Vec cap = all(1e300), least = all(least_log_share), half = all(-0.5);
  int n = 0;
  for (int row = 0; row < kTile; row += kWidth) {
    const Vec q = load(distances + row);
    const Vec share = fma(half, q < cap ? q : cap, all(constant)) - load(top + row);
    const Vec known = load(guess + row) == all(k) ? all(1.0) : all(0.0);
    store(distances + row, share < least ? cap : q);
    const unsigned left = not_zero(share < least ? all(0.0) : all(1.0) - known);
    for (unsigned bits = left; bits != 0; bits &= bits - 1) rows[n++] = row + __builtin_ctz(bits);
  }
  return n;
}

void mahalanobis_diagonal_rest(int from, int d, int n_rows, const double* xt, const double* mean,
                               const double* scale, double* out) {
  for (int row = 0; row < n_rows; row += kPanel) {
    Vec sum[kRowVectors];
    for (int r = 0; r < kRowVectors; ++r) sum[r] = load(out + row + r * kWidth);
    for (int j = from; j < d; ++j)
      for (int r = 0; r < kRowVectors; ++r) {
        const Vec y = (load(xt + j * kTile + row + r * kWidth) - all(mean[j])) * all(scale[j]);
        sum[r] = fma(y, y, sum[r]);
      }
    for (int r = 0; r < kRowVectors; ++r) store(out + row + r * kWidth, sum[r]);
  }
}

void mahalanobis_dense_rest(int from, int d, int n_rows, const double* xt, const double* mean,
                            const double* factor, double* scratch, double* out) {
  for (int row = 0; row < n_rows; row += kPanel) {
    subtract(d, xt + row, mean, scratch);
    dense_panel(from, d, scratch, factor, out + row);
  }
}
