// E-step kernels for partial distances: which rows a component can still matter to, and the rest of their
// squared Mahalanobis distances. Included by src/kernels/targets.

void transpose_rows(int d, const double* const* rows, int n_rows, double* xt) {
  using Pair = double __attribute__((vector_size(16), aligned(8)));
  for (int r = 0; r < n_rows; r += 2) {
    const double* first = rows[r];
    const double* second = rows[r + 1 < n_rows ? r + 1 : r];
    for (int j = 0; j < d; j += 2) {  // padding columns are there to be read
      const Pair a = *reinterpret_cast<const Pair*>(first + j);
      const Pair b = *reinterpret_cast<const Pair*>(second + j);
      *reinterpret_cast<Pair*>(xt + j * kTile + r) = Pair{a[0], b[0]};
      if (j + 1 < d) *reinterpret_cast<Pair*>(xt + (j + 1) * kTile + r) = Pair{a[1], b[1]};
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
