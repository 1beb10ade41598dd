// M-step kernels for incomplete and noisy rows: mean b = mu + u and covariance B of the true row given what
// is observed, and their sums. Rows are the lanes. Included by src/kernels/targets.
//
// Few columns with variances as errors are taken into account one after another, as in a Kalman filter: the
// part of T that is left differs from that of S by the errors only, so d^3/2 multiplications give all of B.
// Otherwise S is eliminated below T, and B is what remains of S. A column that is missing is left out (the
// inverse of its pivot is 0). B is kept as upper triangle, row by row.

/// Place of entry (i, j), i <= j, in a packed upper triangle of d columns.
constexpr int upper_place(int d, int i, int j) {
  return i * d - i * (i - 1) / 2 + (j - i);
}

/// A column of B, and minus the gain: that over the pivot.
template <int Size>
struct Column {
  Vec values[Size], minus_gain[Size];
};

/// Takes column j into account: u, the gain. Returns what is left of the column, as a factor.
template <int Size, class Rows>
inline Vec condition_mean(const Rows& t, int d, int j, Column<Size>& column, Vec* u) {
  column.values[j] = larger(column.values[j], Vec{});
  const Vec error = t.error(j);
  const Pivot pivot = t.pivot(j, column.values[j] + error);
  const Vec step = u[j] - t.difference(j);
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) {
    column.minus_gain[i] = column.values[i] * pivot.minus_inverse;
    u[i] = fma(column.minus_gain[i], step, u[i]);
  }
  const Vec left = error * -pivot.minus_inverse;
  return Rows::masked ? pivot.minus_inverse == 0.0 ? all(1.0) : left : left;
}

/// Column j of B, before or after it is worked on.
template <int Size>
inline void read_column(int d, int j, const Vec* b, Column<Size>& column) {
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) column.values[i] = b[i <= j ? upper_place(d, i, j) : upper_place(d, j, i)];
}

template <int Size, class Rows>
inline void condition_one(const Rows& t, int d, int j, Vec* b, Vec* u) {
  Column<Size> column;
  read_column(d, j, b, column);
  const Vec left = condition_mean(t, d, j, column, u);
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i)
#pragma GCC unroll 8
    for (int k = i; k < d; ++k) {
      Vec& entry = b[upper_place(d, i, k)];
      if (i == j || k == j)
        entry = column.values[i == j ? k : i] * left;
      else
        entry = fma(column.minus_gain[i], column.values[k], entry);
    }
}

/// The same for columns j and j + 1 in one go over B.
template <int Size, class Rows>
inline void condition_two(const Rows& t, int d, int j, Vec* b, Vec* u) {
  Column<Size> first, second;
  read_column(d, j, b, first);
  read_column(d, j + 1, b, second);
  const Vec left = condition_mean(t, d, j, first, u);
  const Vec along = first.minus_gain[j + 1], corner = second.values[j] * left;
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) second.values[i] = fma(first.values[i], along, second.values[i]);
  second.values[j] = corner;
  const Vec left_second = condition_mean(t, d, j + 1, second, u);
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) {
    const Vec gain = second.minus_gain[i];
#pragma GCC unroll 8
    for (int k = i; k < d; ++k) {
      Vec& entry = b[upper_place(d, i, k)];
      if (i == j + 1 || k == j + 1)
        entry = second.values[i == j + 1 ? k : i] * left_second;
      else if (i == j || k == j)
        entry = fma(second.minus_gain[j], second.values[i == j ? k : i], first.values[i == j ? k : i] * left);
      else
        entry = fma(gain, second.values[k], fma(first.minus_gain[i], first.values[k], entry));
    }
  }
}

/// u and B of one vector of rows, for few columns.
template <int D, bool Masked>
void complete_small(const ObservedRows& rows, const double* mean, const double* covariance, int row,
                    double* u_out, double* b_out, double*) {
  constexpr int n = D * (D + 1) / 2;
  const Component<0> component{mean, covariance, D};
  const Observation<0, Masked, false> t(rows, component, row);
  Vec u[D] = {}, b[n];
#pragma GCC unroll 8
  for (int i = 0; i < D; ++i)
#pragma GCC unroll 8
    for (int k = i; k < D; ++k) b[upper_place(D, i, k)] = all(covariance[i * D + k]);
#pragma GCC unroll 8
  for (int j = 0; j + 2 <= D; j += 2) condition_two<D>(t, D, j, b, u);
  if constexpr (D % 2 == 1) condition_one<D>(t, D, D - 1, b, u);
  for (int i = 0; i < D; ++i) store(u_out + i * kWidth, u[i]);
  for (int e = 0; e < n; ++e) store(b_out + e * kWidth, b[e]);
}

/// sums[c] = sum_j minus_gain_j w_j, w the rows i to i + C - 1.
template <int C>
inline void products(const Elimination& e, int i, const double* minus_gain, Vec (&sums)[C]) {
  for (int j = 0; j < e.d * kWidth; j += kWidth) {
    const Vec gain = load(minus_gain + j);
    for (int c = 0; c < C; ++c) sums[c] = fma(gain, load(e.row(i + c) + j), sums[c]);
  }
}

/// From -most to most, also where a singular covariance has left no number.
inline Vec within(Vec v, Vec most) {
  v = v > -most ? v : -most;
  return v < most ? v : most;
}

/// The same for any number of columns and any errors: below T and x - mean come the rows of S.
template <bool Masked, bool Dense>
void complete_large(const ObservedRows& rows, const double* mean, const double* covariance, int row,
                    double* u_out, double* b_out, double* scratch) {
  const int d = rows.d, first = d + 1;
  Elimination e(d, 2 * d + 1, scratch);
  fill<Masked, Dense>(rows, {mean, covariance, d}, row, Present::in<false>(rows, row), e);
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j) store(e.row(first + i) + j * kWidth, all(covariance[Index{i} * d + j]));
  eliminate(e);
  double* minus_gain = e.minus_l;
  const auto scale = [&](int i) {
    for (int j = 0; j < d * kWidth; j += kWidth)
      store(minus_gain + j, load(e.row(i) + j) * load(e.minus_inverse + j));
  };
  scale(d);
  double* width = e.mask;  // of the component, in each column
  for (int i = 0; i < d; ++i) {
    Vec sum[1] = {};
    products(e, first + i, minus_gain, sum);
    store(u_out + i * kWidth, -within(sum[0], all(1e150)));
    store(width + i * kWidth, square_root(all(covariance[Index{i} * d + i])));
  }
  for (int i = 0; i < d; ++i) {
    scale(first + i);
    int k = i;
    const auto entries = [&]<int C>() {
      Vec sum[C];
      for (int c = 0; c < C; ++c) sum[c] = all(covariance[Index{i} * d + k + c]);
      products(e, first + k, minus_gain, sum);
      const Vec own = load(width + i * kWidth);
      for (int c = 0; c < C; ++c, b_out += kWidth)
        store(b_out, within(sum[c], own * load(width + (k + c) * kWidth)));
    };
    for (; k + 4 <= d; k += 4) entries.template operator()<4>();
    for (; k < d; ++k) entries.template operator()<1>();
  }
}

/// Which columns some row of a vector lacks, and the eliminated rows that belong to them.
struct Lacking {
  const double* mask;

  Vec is_missing(int i) const { return all(1.0) - load(mask + i * kTile); }
  bool has(int i) const { return not_zero(is_missing(i)) != 0; }
  int count(int d) const {
    int n = 0;
    for (int i = 0; i < d; ++i) n += has(i);
    return n;
  }
  /// Up to C of them from k on, which moves behind the last; returns how many.
  template <int C>
  int next(int d, int& k, int (&columns)[C]) const {
    int n = 0;
    for (; k < d && n < C; ++k)
      if (has(k)) columns[n++] = k;
    return n;
  }
};

/// Of rows that lack values but have no errors: what is observed is known, so only the rows of S that are of
/// columns that some row of the vector lacks come below T. The same bits, whoever shares the vector.
void complete_gaps(const ObservedRows& rows, const double* mean, const double* covariance, int row,
                   double* u_out, double* b_out, double* scratch) {
  const Present present = Present::in<true>(rows, row);
  const int d = rows.d, n_present = present.n, first = n_present + 1;
  const Lacking lacking{rows.mask + row};
  Elimination e(n_present, first + lacking.count(d), scratch);
  fill<true, false>(rows, {mean, covariance, d}, row, present, e);
  for (int i = 0, at = first; i < d; ++i)
    if (lacking.has(i)) {
      for (int j = 0; j < n_present; ++j)
        store(e.row(at) + j * kWidth, all(covariance[Index{i} * d + present[j]]));
      ++at;
    }
  eliminate(e);
  double* minus_gain = e.minus_l;
  const auto scale = [&](int i) {
    for (int j = 0; j < n_present * kWidth; j += kWidth)
      store(minus_gain + j, load(e.row(i) + j) * load(e.minus_inverse + j));
  };
  scale(n_present);
  const auto width = [&](int i) { return square_root(all(covariance[Index{i} * (d + 1)])); };
  for (int i = 0, at = first; i < d; ++i) {
    Vec u = load(rows.xt + Index{i} * kTile + row) - all(mean[i]);
    if (lacking.has(i)) {
      Vec sum[1] = {};
      products(e, at++, minus_gain, sum);
      u = lacking.is_missing(i) == all(0.0) ? u : -within(sum[0], all(1e150));
    }
    store(u_out + i * kWidth, u);
  }
  for (int place = 0; place < d * (d + 1) / 2; ++place) store(b_out + place * kWidth, Vec{});
  for (int i = 0, at = first; i < d; ++i) {
    if (!lacking.has(i)) continue;
    scale(at);
    int below = at++, k = i, columns[4];
    const auto entries = [&]<int C>(int from) {
      Vec sum[C];
      for (int c = 0; c < C; ++c) sum[c] = all(covariance[Index{i} * d + columns[from + c]]);
      products(e, below, minus_gain, sum);
      below += C;
      for (int c = 0; c < C; ++c) {
        const int column = columns[from + c];
        const Vec both = lacking.is_missing(i) * lacking.is_missing(column);
        const Vec value = within(sum[c], width(i) * width(column));
        store(b_out + upper_place(d, i, column) * kWidth, both == all(0.0) ? all(0.0) : value);
      }
    };
    for (int n = 4; n == 4;) {
      n = lacking.next(d, k, columns);
      if (n == 4) entries.template operator()<4>(0);
      for (int from = 0; from < n && n < 4; ++from) entries.template operator()<1>(from);
    }
  }
}

using Complete = void(const ObservedRows& rows, const double* mean, const double* covariance, int row,
                      double* u, double* b, double* scratch);

template <bool Masked>
inline Complete* find_complete(int d, ErrorShape shape) {
  constexpr Complete* small[] = {complete_small<1, Masked>, complete_small<2, Masked>,
                                 complete_small<3, Masked>, complete_small<4, Masked>,
                                 complete_small<5, Masked>, complete_small<6, Masked>,
                                 complete_small<7, Masked>, complete_small<8, Masked>};
  if (shape == ErrorShape::covariances) return complete_large<Masked, true>;
  return d <= 8 ? small[d - 1] : complete_large<Masked, false>;
}

/// Calls use(row, u, b) for each vector of rows that `counts(row)`.
template <class Counts, class Use>
inline void for_each_completion(const ObservedRows& given, const double* mean, const double* covariance,
                                double* scratch, const Counts& counts, const Use& use) {
  const ObservedRows rows = with_errors(given, scratch);
  Complete* complete = rows.mask && !given.errors && rows.d > 8 ? complete_gaps
                       : rows.mask                              ? find_complete<true>(rows.d, rows.shape)
                                                                : find_complete<false>(rows.d, rows.shape);
  double *u = scratch, *b = u + rows.d * kWidth, *rest = b + upper_place(rows.d, rows.d, rows.d) * kWidth;
  for (int row = 0; row < rows.n_rows; row += kWidth) {
    if (!counts(row)) continue;
    complete(rows, mean, covariance, row, u, b, rest);
    use(row, u, b);
  }
}

/// Sums of one vector of rows, all of whose lanes begin at `lane`.
inline void add_moments(int d, const double* mean, const CompletionSums& sums, int row, double* u,
                        double* b) {
  const int lane = row % kLanes;
  const Vec gamma = load(sums.gamma + row);
  for (int i = 0; i < d; ++i) {
    const Vec diff = load(u + i * kWidth) + (all(mean[i]) - all(sums.center[i])), weighted = gamma * diff;
    double* s1 = sums.s1 + i * kLanes + lane;
    store(s1, load(s1) + weighted);
    store(u + i * kWidth, diff);
  }
  if (!sums.s2) return;
  double* s2 = sums.s2 + lane;
  for (int i = 0; i < d; ++i) {
    const Vec diff = load(u + i * kWidth), weighted = gamma * diff;
    store(s2, fma(gamma, larger(load(b), Vec{}), fma(weighted, diff, load(s2))));
    b += kWidth;
    s2 += kLanes;
    if (sums.diagonal) {
      b += (d - 1 - i) * kWidth;
      continue;
    }
    for (int k = i + 1; k < d; ++k, b += kWidth, s2 += kLanes)
      store(s2, fma(gamma, load(b), fma(weighted, load(u + k * kWidth), load(s2))));
  }
}

void add_completions(const ObservedRows& rows, const double* mean, const double* covariance, double* scratch,
                     const CompletionSums& sums) {
  for_each_completion(
      rows, mean, covariance, scratch, [&](int row) { return not_zero(load(sums.gamma + row)) != 0; },
      [&](int row, double* u, double* b) { add_moments(rows.d, mean, sums, row, u, b); });
}

void completions(const ObservedRows& rows, const double* mean, const double* covariance, double* scratch,
                 double* means, double* covariances) {
  for_each_completion(
      rows, mean, covariance, scratch, [](int) { return true; },
      [&](int row, const double* u, const double* b) {
        for (int i = 0; i < rows.d; ++i) {
          store(means + i * kTile + row, all(mean[i]) + load(u + i * kWidth));
          if (!covariances) continue;
          for (int k = i; k < rows.d; ++k, b += kWidth)
            store(covariances + packed_place(k, i) * kTile + row, k > i ? load(b) : larger(load(b), Vec{}));
        }
      });
}
