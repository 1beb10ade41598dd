// What the kernels of incomplete and noisy rows share: what is observed, entry by entry, and the elimination
// T = L D L^T of any number of columns. Included by src/kernels/targets.
//
// Nothing is cleared where an entry is missing: its column is never eliminated (the inverse of its pivot is
// 0), so that what its row and column of T hold reaches no other entry.

/// Place of entry (i, j), j <= i, in a packed lower triangle.
constexpr int packed_place(int i, int j) {
  return i * (i + 1) / 2 + j;
}

/// A pivot that is not missing is this part of the variance at least: rounding leaves no more of it.
constexpr double least_pivot(int d) {
  return d * 0x1p-50;
}

/// A pivot, and minus its inverse; 1 and 0 where missing.
struct Pivot {
  Vec value, minus_inverse;
};

inline Pivot masked_pivot(Vec left, Vec least, Vec mask) {
  const Vec value = mask == 0.0 ? all(1.0) : larger(left, least);
  return {value, -mask / value};
}

/// One component's mean and covariance, for D columns: in all lanes.
template <int D>
struct Component {
  Vec mean[D], covariance[packed_place(D, 0)];

  Component(const double* mean_, const double* covariance_) {
    for (int i = 0; i < D; ++i) {
      mean[i] = all(mean_[i]);
      for (int j = 0; j <= i; ++j) covariance[packed_place(i, j)] = all(covariance_[i * D + j]);
    }
  }
  static constexpr int columns(int) { return D; }
  Vec mean_of(int i) const { return mean[i]; }
  Vec prior(int i, int j) const { return covariance[packed_place(i, j)]; }
};

/// The same for any number of columns.
template <>
struct Component<0> {
  const double *mean, *covariance;
  int d;

  static int columns(int d) { return d; }
  Vec mean_of(int i) const { return all(mean[i]); }
  Vec prior(int i, int j) const { return all(covariance[Index{i} * d + j]); }
};

/// T and x - mean of kWidth rows, entry by entry.
template <int D, bool Masked, bool Dense>
struct Observation {
  const Component<D>& component;
  int d;
  const double *xt, *mask, *errors;

  Observation(const ObservedRows& rows, const Component<D>& component_, int row)
      : component(component_),
        d(Component<D>::columns(rows.d)),
        xt(rows.xt + row),
        mask(rows.mask + (Masked ? row : 0)),
        errors(rows.errors + row) {}

  Vec prior(int i, int j) const { return component.prior(i, j); }
  Vec entry(int i, int j) const {
    return Dense ? prior(i, j) + load(errors + packed_place(i, j) * kTile) : prior(i, j);
  }
  static constexpr bool masked = Masked;
  Vec error(int j) const { return load(errors + (Dense ? packed_place(j, j) : j) * kTile); }
  Vec variance(int j) const { return prior(j, j) + error(j); }
  Vec difference(int j) const { return load(xt + j * kTile) - component.mean_of(j); }

  Vec least(Vec variance) const { return fma(all(least_pivot(d)), variance, all(0x1p-1022)); }

  /// For what is left of the variance of column j.
  Pivot pivot(int j, Vec left) const {
    if constexpr (Masked) return masked_pivot(left, least(variance(j)), load(mask + j * kTile));
    const Vec value = larger(left, least(variance(j)));
    return {value, all(-1.0) / value};
  }
};

/// A product of positive normal numbers, which may leave the range of doubles: fraction times 2^exponent.
struct Product {
  Vec fraction = all(1.0);  ///< from 1 to 2
  Bits exponent = {};       ///< more by 1023 for each factor

  void multiply(Vec factor) {
    const Bits bits = to_bits(fraction * factor);
    exponent = exponent + exponent_field(bits);
    fraction = from_bits((bits & 0xfffffffffffff) | to_bits(all(1.0)));
  }
};

/// More columns, one vector of rows: T and, below it, further rows, which become W = L D in place; what
/// follows is d vectors each. Two rows of minus L at a time.
struct Elimination {
  int d, n_rows, stride;
  double *w, *mask, *least, *minus_inverse, *minus_l;
  Product det;

  Elimination(int d_, int n_rows_, double* scratch)
      : d(d_),
        n_rows(n_rows_),
        stride((d | 1) * kWidth),  // rows that lie a power of two apart would share few lines of the cache

        w(scratch),
        mask(w + Index{n_rows} * stride),
        least(mask + stride),
        minus_inverse(least + stride),
        minus_l(minus_inverse + stride) {}
  static constexpr Index size(int d, int n_rows) { return Index{n_rows + 5} * (d | 1) * kWidth; }
  double* row(int i) const { return w + Index{i} * stride; }

  /// Columns j to j + C - 1 of the C rows on the diagonal.
  template <int C>
  void corner(int j);
  /// The same of all rows below.
  template <int C>
  void below(int j) const {
    int i = j + C;
    for (; i + 4 <= n_rows; i += 4) rows<4, C>(i, j);
    const int left = n_rows - i;
    if (left == 3) rows<3, C>(i, j);
    if (left == 2) rows<2, C>(i, j);
    if (left == 1) rows<1, C>(i, j);
  }

 private:
  template <int R, int C>
  void rows(int i, int j) const;
  /// sum -= W L^T for R rows from i on and the C rows of L at hand, over n columns: an even number.
  template <int R, int C>
  void subtract_products(int i, int n, Vec (&sum)[R][C]) const;
  Vec pivot(int j, Vec left) {
    const Pivot p = masked_pivot(left, load(least + j * kWidth), load(mask + j * kWidth));
    det.multiply(p.value);
    store(minus_inverse + j * kWidth, p.minus_inverse);
    return p.minus_inverse;
  }
};

template <int R, int C>
inline void Elimination::subtract_products(int i, int n, Vec (&sum)[R][C]) const {
  const double *a = row(i), *l = minus_l;
  for (const double* end = l + n * kWidth; l != end; a += 2 * kWidth, l += 2 * kWidth)
#pragma GCC unroll 2
    for (int k = 0; k < 2 * kWidth; k += kWidth) {
      Vec b[C];
      for (int c = 0; c < C; ++c) b[c] = load(l + c * stride + k);
      for (int r = 0; r < R; ++r) {
        const Vec v = load(a + r * stride + k);
        for (int c = 0; c < C; ++c) sum[r][c] = fma(v, b[c], sum[r][c]);
      }
    }
}

template <int C>
inline void Elimination::corner(int j) {
  for (int c = 0; c < C; ++c)
    for (int k = 0; k < j * kWidth; k += kWidth)
      store(minus_l + c * stride + k, load(row(j + c) + k) * load(minus_inverse + k));
  double* at = row(j) + j * kWidth;
  Vec sum[C][C];
  for (int r = 0; r < C; ++r)
    for (int c = 0; c < C; ++c) sum[r][c] = load(at + r * stride + c * kWidth);
  subtract_products(j, j, sum);
  const Vec inverse = pivot(j, sum[0][0]);
  if constexpr (C == 2) {
    const Vec l = sum[1][0] * inverse;
    store(at + stride, sum[1][0]);
    store(minus_l + stride + j * kWidth, l);
    pivot(j + 1, fma(sum[1][0], l, sum[1][1]));
  }
}

template <int R, int C>
inline void Elimination::rows(int i, int j) const {
  double* at = row(i) + j * kWidth;
  Vec sum[R][C];
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) sum[r][c] = load(at + r * stride + c * kWidth);
  subtract_products(i, j, sum);
  if constexpr (C == 2) {
    const Vec l = load(minus_l + stride + j * kWidth);
    for (int r = 0; r < R; ++r) sum[r][1] = fma(sum[r][0], l, sum[r][1]);
  }
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) store(at + r * stride + c * kWidth, sum[r][c]);
}

inline void eliminate(Elimination& e) {
  int j = 0;
  for (; j + 2 <= e.d; j += 2) {
    e.corner<2>(j);
    e.below<2>(j);
  }
  if (j == e.d) return;
  e.corner<1>(j);
  e.below<1>(j);
}

/// The columns that some row of a vector has. A column that none has would add exact zeros: it is left out,
/// with the same bits.
struct Present {
  static constexpr int kMost = 64;  ///< of more columns none is left out
  int n = 0, columns[kMost];
  bool is_list = false;

  template <bool Masked>
  static Present in(const ObservedRows& rows, int row) {
    Present present;
    present.n = rows.d;
    if (!Masked || rows.d > kMost) return present;
    present.is_list = true;
    present.n = 0;
    for (int j = 0; j < rows.d; ++j)
      if (not_zero(load(rows.mask + j * kTile + row)) != 0) present.columns[present.n++] = j;
    return present;
  }
  int operator[](int i) const { return is_list ? columns[i] : i; }
};

/// T of the columns that are present, masks, and x - mean in the row below.
template <bool Masked, bool Dense>
inline void fill(const ObservedRows& rows, const Component<0>& component, int row, const Present& present,
                 Elimination& e) {
  const Observation<0, Masked, Dense> t(rows, component, row);
  for (int i = 0; i < present.n; ++i) {
    const int column = present[i];
    const Vec variance = t.variance(column);
    double* to = e.row(i);
    for (int j = 0; j < i; ++j) store(to + j * kWidth, t.entry(column, present[j]));
    store(to + i * kWidth, variance);
    if (i + 1 < present.n) store(to + (i + 1) * kWidth, Vec{});  // is read with its neighbours
    store(e.row(present.n) + i * kWidth, t.difference(column));
    store(e.mask + i * kWidth, Masked ? load(t.mask + column * kTile) : all(1.0));
    store(e.least + i * kWidth, t.least(variance));
  }
}

/// Errors of 0 for rows without; scratch begins behind them.
inline ObservedRows with_errors(ObservedRows rows, double*& scratch) {
  if (rows.errors) return rows;
  rows.errors = scratch;
  rows.shape = ErrorShape::variances;
  for (int i = 0; i < rows.d * kTile; i += kWidth) store(scratch + i, Vec{});
  scratch += rows.d * kTile;
  return rows;
}
