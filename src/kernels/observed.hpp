// E-step kernels for incomplete and noisy rows: squared Mahalanobis distances of what was observed and ln det
// of its covariance T = S + E, by one elimination T = L D L^T per row and component. Rows are the lanes; sums
// over columns run in ascending order. Included by src/kernels/targets.

/// ln of products of n numbers, in place. Distances are 1e300 at most, also where a singular covariance has
/// left no number.
inline void finish(int n_rows, int n, const double* exponents, double* fractions, double* q) {
  const Vec magic = all(0x1.8p52), cap = all(1e300);
  for (int row = 0; row < n_rows; row += kWidth) {
    const Vec distance = load(q + row);
    store(q + row, distance < cap ? distance : cap);
    const Bits bits = to_bits(load(fractions + row));
    const Bits above = exponent_field(bits - to_bits(all(0x1.6a09e667f3bcdp-1)));  // 1 from sqrt(2) on
    const Bits exponent = to_bits(load(exponents + row)) + above + to_bits(magic);
    const Vec e = from_bits(exponent) - (magic + all(1023.0 * n));
    store(fractions + row, log_of_parts(from_bits(bits - (above << 52)), e));
  }
}

/// Row vectors that are eliminated side by side, in registers: what hides the latency of divisions.
constexpr int elimination_vectors(int d) {
  return d <= 4 ? 4 : 2;
}

/// Few columns: all in registers, for R vectors of rows. Fractions go to log_det.
template <int D, int R, class Rows>
inline void eliminate_small(const Rows (&t)[R], double* q, double* fractions, double* exponents) {
  Vec w[D][D][R], l[D][D][R], z[D][R], minus_q[R] = {};
  Product det[R];
#pragma GCC unroll 16
  for (int j = 0; j < D; ++j) {
    Vec inverse[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      Vec left = t[r].variance(j);
#pragma GCC unroll 16
      for (int k = 0; k < j; ++k) left = fma(w[j][k][r], l[j][k][r], left);
      const Pivot pivot = t[r].pivot(j, left);
      det[r].multiply(pivot.value);
      inverse[r] = pivot.minus_inverse;
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      z[j][r] = t[r].difference(j);
#pragma GCC unroll 16
      for (int k = 0; k < j; ++k) z[j][r] = fma(z[k][r], l[j][k][r], z[j][r]);
      minus_q[r] = fma(z[j][r], z[j][r] * inverse[r], minus_q[r]);
    }
#pragma GCC unroll 16
    for (int i = j + 1; i < D; ++i)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        Vec a = t[r].entry(i, j);
#pragma GCC unroll 16
        for (int k = 0; k < j; ++k) a = fma(w[i][k][r], l[j][k][r], a);
        w[i][j][r] = a;
        l[i][j][r] = a * inverse[r];
      }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    store(q + r * kWidth, all(0.0) - minus_q[r]);  // +0 where nothing is observed
    store(fractions + r * kWidth, det[r].fraction);
    store(exponents + r * kWidth, from_bits(det[r].exponent));
  }
}

template <int D, bool Masked, bool Dense>
void density_small(const ObservedRows& rows, const double* mean, const double* covariance, double*, double* q,
                   double* fractions, double* exponents) {
  constexpr int R = elimination_vectors(D);
  using O = Observation<D, Masked, Dense>;
  const Component<D> component(mean, covariance);
  for (int row = 0; row < rows.n_rows; row += R * kWidth) {
    const auto at = [&](int r) { return O(rows, component, row + r * kWidth); };
    if constexpr (R == 4)
      eliminate_small<D, R, O>({at(0), at(1), at(2), at(3)}, q + row, fractions + row, exponents + row);
    else
      eliminate_small<D, R, O>({at(0), at(1)}, q + row, fractions + row, exponents + row);
  }
}

/// What `fill` has filled in, for eliminate_small.
template <int D>
struct Filled {
  const double *w, *mask, *least;

  explicit Filled(const Elimination& e) : w(e.w), mask(e.mask), least(e.least) {}
  Vec entry(int i, int j) const { return load(w + (i * (D | 1) + j) * kWidth); }
  Vec variance(int j) const { return entry(j, j); }
  Vec difference(int j) const { return entry(D, j); }
  Pivot pivot(int j, Vec left) const {
    return masked_pivot(left, load(least + j * kWidth), load(mask + j * kWidth));
  }
};

template <int D>
void density_of_filled(Elimination& e, double* q, double* fractions, double* exponents) {
  if constexpr (D > 0) {
    eliminate_small<D, 1, Filled<D>>({Filled<D>(e)}, q, fractions, exponents);
  } else {
    eliminate(e);
    Vec minus_q = {};
    for (int j = 0; j < e.d * kWidth; j += kWidth) {
      const Vec z = load(e.row(e.d) + j);
      minus_q = fma(z, z * load(e.minus_inverse + j), minus_q);
    }
    store(q, all(0.0) - minus_q);
    store(fractions, e.det.fraction);
    store(exponents, from_bits(e.det.exponent));
  }
}

/// Unrolled for up to 16 columns where vectors make it worth the code; the operations are the same.
template <bool Unrolled>
inline auto find_density_of_filled([[maybe_unused]] int d) {
  using Density = void(Elimination&, double*, double*, double*);
  Density* density = density_of_filled<0>;
  if constexpr (Unrolled) {
    constexpr Density* unrolled[] = {density_of_filled<9>,  density_of_filled<10>, density_of_filled<11>,
                                     density_of_filled<12>, density_of_filled<13>, density_of_filled<14>,
                                     density_of_filled<15>, density_of_filled<16>};
    if (d >= 9 && d <= 16) density = unrolled[d - 9];
  }
  return density;
}

template <bool Masked, bool Dense>
void density_large(const ObservedRows& rows, const double* mean, const double* covariance, double* scratch,
                   double* q, double* fractions, double* exponents) {
  const Component<0> component{mean, covariance, rows.d};
  for (int row = 0; row < rows.n_rows; row += kWidth) {
    const Present present = Present::in<Masked>(rows, row);
    Elimination e(present.n, present.n + 1, scratch);
    fill<Masked, Dense>(rows, component, row, present, e);
    find_density_of_filled<kUnrolled>(present.n)(e, q + row, fractions + row, exponents + row);
    const Bits left_out = to_bits(load(exponents + row)) + 1023 * (rows.d - present.n);  // factors of 1
    store(exponents + row, from_bits(left_out));
  }
}

template <bool Masked, bool Dense>
inline auto find_density(int d) {
  constexpr void (*small[])(const ObservedRows&, const double*, const double*, double*, double*, double*,
                            double*) = {density_small<1, Masked, Dense>, density_small<2, Masked, Dense>,
                                        density_small<3, Masked, Dense>, density_small<4, Masked, Dense>,
                                        density_small<5, Masked, Dense>, density_small<6, Masked, Dense>,
                                        density_small<7, Masked, Dense>, density_small<8, Masked, Dense>};
  return d <= 8 ? small[d - 1] : density_large<Masked, Dense>;
}

void observed_density(const ObservedRows& given, const double* mean, const double* covariance,
                      double* scratch, double* q, double* log_det) {
  const ObservedRows rows = with_errors(given, scratch);
  const bool dense = rows.shape == ErrorShape::covariances;
  const auto density = rows.mask
                           ? dense ? find_density<true, true>(rows.d) : find_density<true, false>(rows.d)
                       : dense ? find_density<false, true>(rows.d)
                               : find_density<false, false>(rows.d);
  double exponents[kTile];
  density(rows, mean, covariance, scratch, q, log_det, exponents);
  finish(rows.n_rows, rows.d, exponents, log_det, q);
}
