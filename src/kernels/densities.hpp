// E-step kernels: squared Mahalanobis distances by kind of factor, and log-sum-exp. Rows are the
// lanes; sums over columns run in ascending order. Included by src/kernels/targets.

constexpr int kPanel = kRowVectors * kWidth;  ///< rows that one register tile holds

template <int Centers, bool Scaled>
inline void diagonal_panel(int d, int stride, const double* xt, const double* centers, const double* scales,
                           double* out) {
  Vec sum[Centers][kRowVectors] = {};
  for (int j = 0; j < d; ++j) {
    Vec x[kRowVectors];
    for (int r = 0; r < kRowVectors; ++r) x[r] = load(xt + j * kTile + r * kWidth);
    for (int k = 0; k < Centers; ++k) {
      const Vec center = all(centers[Index{k} * stride + j]);
      const Vec scale = Scaled ? all(scales[Index{k} * stride + j]) : Vec{};
      for (int r = 0; r < kRowVectors; ++r) {
        Vec y = x[r] - center;
        if (Scaled) y = y * scale;
        sum[k][r] = fma(y, y, sum[k][r]);
      }
    }
  }
  for (int k = 0; k < Centers; ++k)
    for (int r = 0; r < kRowVectors; ++r) store(out + k * kTile + r * kWidth, sum[k][r]);
}

template <bool Scaled>
inline void diagonal_distances(int d, int stride, int n_centers, const double* xt, const double* centers,
                               const double* scales, double* out) {
  for (int row = 0; row < kTile; row += kPanel) {
    int k = 0;
    for (; k + 4 <= n_centers; k += 4)
      diagonal_panel<4, Scaled>(d, stride, xt + row, centers + Index{k} * stride, scales + Index{k} * stride,
                                out + Index{k} * kTile + row);
    for (; k < n_centers; ++k)
      diagonal_panel<1, Scaled>(d, stride, xt + row, centers + Index{k} * stride, scales + Index{k} * stride,
                                out + Index{k} * kTile + row);
  }
}

void squared_distances(int d, int n_centers, const double* xt, const double* centers, double* out) {
  diagonal_distances<false>(d, d, n_centers, xt, centers, centers, out);
}

void mahalanobis_diagonal(int d, int stride, int n_components, const double* xt, const double* means,
                          const double* scales, double* out) {
  diagonal_distances<true>(d, stride, n_components, xt, means, scales, out);
}

void bernoulli_distances(int from, int d, int n_rows, const double* xt, const double* of_one,
                         const double* of_zero, double* out) {
  for (int row = 0; row < n_rows; row += kPanel) {
    Vec sum[kRowVectors];
    for (int r = 0; r < kRowVectors; ++r) sum[r] = load(out + row + r * kWidth);
    for (int j = from; j < d; ++j) {
      const Vec one = all(of_one[j]), zero = all(of_zero[j]);
      for (int r = 0; r < kRowVectors; ++r) {
        const Vec x = load(xt + j * kTile + row + r * kWidth);
        sum[r] = fma(x, one, sum[r]);
        sum[r] = fma(all(1.0) - x, zero, sum[r]);
      }
    }
    for (int r = 0; r < kRowVectors; ++r) store(out + row + r * kWidth, sum[r]);
  }
}

/// All of a triangular product in registers, for a number of columns known at compile time.
template <int D>
inline void dense_small(const double* xt, const double* mean, const double* factor, double* out) {
  for (int row = 0; row < kTile; row += kPanel) {
    Vec diff[D][kRowVectors];
    for (int i = 0; i < D; ++i)
      for (int r = 0; r < kRowVectors; ++r)
        diff[i][r] = load(xt + i * kTile + row + r * kWidth) - all(mean[i]);
    Vec q[kRowVectors] = {};
    for (int j = 0; j < D; ++j) {
      constexpr int columns = kFactorColumns;
      const int first = j / columns * columns;
      const double* column =
          factor + columns * (first + (first / columns) * (first - columns) / 2) + (j - first);
      Vec y[kRowVectors] = {};
      for (int i = 0; i <= j; ++i) {
        const Vec u = all(column[i * columns]);
        for (int r = 0; r < kRowVectors; ++r) y[r] = fma(u, diff[i][r], y[r]);
      }
      for (int r = 0; r < kRowVectors; ++r) q[r] = fma(y[r], y[r], q[r]);
    }
    for (int r = 0; r < kRowVectors; ++r) store(out + row + r * kWidth, q[r]);
  }
}

/// Adds columns [from, d) of the triangular product to the squares in `out`. Register tile: kFactorColumns
/// outputs x kRowVectors row vectors. Zeros below the diagonal of the packed factor change no bit, so the
/// tile's size does not show in the result.
inline void dense_panel(int from, int d, const double* diff, const double* factor, double* out) {
  Vec q[kRowVectors];
  for (int r = 0; r < kRowVectors; ++r) q[r] = load(out + r * kWidth);
  for (int j = from; j < d; j += kFactorColumns) {
    const int depth = j + kFactorColumns < d ? j + kFactorColumns : d;
    Vec y[kFactorColumns][kRowVectors] = {};
    for (int i = 0; i < depth; ++i, factor += kFactorColumns) {
      Vec x[kRowVectors];
      for (int r = 0; r < kRowVectors; ++r) x[r] = load(diff + i * kPanel + r * kWidth);
      for (int c = 0; c < kFactorColumns; ++c) {
        const Vec u = all(factor[c]);
        for (int r = 0; r < kRowVectors; ++r) y[c][r] = fma(u, x[r], y[c][r]);
      }
    }
    for (int c = 0; c < kFactorColumns; ++c)
      for (int r = 0; r < kRowVectors; ++r) q[r] = fma(y[c][r], y[c][r], q[r]);
  }
  for (int r = 0; r < kRowVectors; ++r) store(out + r * kWidth, q[r]);
}

/// diff (d x kPanel) = x - mean.
inline void subtract(int d, const double* xt, const double* mean, double* diff) {
  for (int i = 0; i < d; ++i)
    for (int n = 0; n < kPanel; n += kWidth)
      store(diff + i * kPanel + n, load(xt + i * kTile + n) - all(mean[i]));
}

void mahalanobis_dense(int d, const double* xt, const double* mean, const double* factor, double* scratch,
                       double* out) {
  switch (d) {
    case 1:
      return dense_small<1>(xt, mean, factor, out);
    case 2:
      return dense_small<2>(xt, mean, factor, out);
    case 3:
      return dense_small<3>(xt, mean, factor, out);
    case 4:
      return dense_small<4>(xt, mean, factor, out);
    case 8:
      return dense_small<8>(xt, mean, factor, out);
    default:
      break;
  }
  for (int row = 0; row < kTile; row += kPanel) {
    subtract(d, xt + row, mean, scratch);
    for (int n = 0; n < kPanel; n += kWidth) store(out + row + n, Vec{});
    dense_panel(0, d, scratch, factor, out + row);
  }
}

void log_joint(int n_components, const double* constants, double* values) {
  const Vec cap = all(1e300);
  for (int k = 0; k < n_components; ++k) {
    const Vec constant = all(constants[k]);
    double* row = values + Index{k} * kTile;
    for (int n = 0; n < kTile; n += kWidth) {
      const Vec q = load(row + n);
      store(row + n, fma(all(-0.5), q < cap ? q : cap, constant));
    }
  }
}

void responsibilities(int n_components, const double* row_weights, double least_log_share, double* values,
                      double* log_density) {
  const Vec low = all(least_log_share < -708.0 ? -708.0 : least_log_share);
  for (int row = 0; row < kTile; row += kPanel) {
    double* column = values + row;
    Vec top[kRowVectors], sum[kRowVectors] = {};
    for (int r = 0; r < kRowVectors; ++r) top[r] = load(column + r * kWidth);
    for (int k = 1; k < n_components; ++k)
      for (int r = 0; r < kRowVectors; ++r)
        top[r] = larger(top[r], load(column + Index{k} * kTile + r * kWidth));
    for (int k = 0; k < n_components; ++k) {
      double* p = column + Index{k} * kTile;
      Vec share[kRowVectors], largest = all(-1e300);
      for (int r = 0; r < kRowVectors; ++r) {
        share[r] = load(p + r * kWidth) - top[r];
        largest = larger(largest, share[r]);
      }
      if (not_zero(largest < low ? all(0.0) : all(1.0)) == 0) {
        for (int r = 0; r < kRowVectors; ++r) store(p + r * kWidth, Vec{});
        continue;
      }
      for (int r = 0; r < kRowVectors; ++r) {
        const Vec e = exp_or_zero(share[r], low);
        store(p + r * kWidth, e);
        sum[r] = sum[r] + e;
      }
    }
    for (int r = 0; r < kRowVectors; ++r) {
      store(log_density + row + r * kWidth, top[r] + log(sum[r]));
      sum[r] = load(row_weights + row + r * kWidth) / sum[r];
    }
    for (int k = 0; k < n_components; ++k)
      for (int r = 0; r < kRowVectors; ++r) {
        double* p = column + Index{k} * kTile + r * kWidth;
        store(p, load(p) * sum[r]);
      }
  }
}

void assign_nearest(int n_components, const double* row_weights, double* values, double* smallest) {
  for (int n = 0; n < kTile; n += kWidth) {
    double* column = values + n;
    Vec least = load(column);
    for (int k = 1; k < n_components; ++k) {
      const Vec v = load(column + Index{k} * kTile);
      least = v < least ? v : least;
    }
    store(smallest + n, least);
    Vec open = load(row_weights + n);  // becomes 0 once the row is assigned
    for (int k = 0; k < n_components; ++k) {
      double* p = column + Index{k} * kTile;
      const auto nearest = load(p) == least;
      store(p, nearest ? open : all(0.0));
      open = nearest ? all(0.0) : open;
    }
  }
}
