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

/// What R vectors of rows of D columns are expected to be, while column after column is taken into account.
template <int D, int R, class Rows>
struct Conditioning {
  static constexpr int n = D * (D + 1) / 2;
  const Rows (&t)[R];
  Vec u[D][R] = {}, b[n][R];

  /// A column of B, and minus the gain: that over the pivot.
  struct Column {
    Vec values[D][R], minus_gain[D][R], left[R];
  };

  explicit Conditioning(const Rows (&t_)[R]) : t(t_) {
#pragma GCC unroll 8
    for (int i = 0; i < D; ++i)
#pragma GCC unroll 8
      for (int k = i; k < D; ++k)
#pragma GCC unroll 2
        for (int r = 0; r < R; ++r) b[upper_place(D, i, k)][r] = t[r].prior(k, i);
  }

  void run() {
#pragma GCC unroll 8
    for (int j = 0; j + 2 <= D; j += 2) two(j);
    if constexpr (D % 2 == 1) one(D - 1);
  }

 private:
  /// Column j of B, before or after it is worked on.
  void read(int j, Column& column) const {
#pragma GCC unroll 8
    for (int i = 0; i < D; ++i)
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r)
        column.values[i][r] = b[i <= j ? upper_place(D, i, j) : upper_place(D, j, i)][r];
  }
  /// Takes column j into account: u, the gain, and what is left of the column, as a factor.
  void mean(int j, Column& column) {
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      column.values[j][r] = larger(column.values[j][r], Vec{});
      const Vec error = t[r].error(j);
      const Pivot pivot = t[r].pivot(j, column.values[j][r] + error);
      const Vec step = u[j][r] - t[r].difference(j);
#pragma GCC unroll 8
      for (int i = 0; i < D; ++i) {
        column.minus_gain[i][r] = column.values[i][r] * pivot.minus_inverse;
        u[i][r] = fma(column.minus_gain[i][r], step, u[i][r]);
      }
      column.left[r] = error * -pivot.minus_inverse;
      if constexpr (Rows::masked) column.left[r] = pivot.minus_inverse == 0.0 ? all(1.0) : column.left[r];
    }
  }
  void one(int j);
  void two(int j);
};

template <int D, int R, class Rows>
inline void Conditioning<D, R, Rows>::one(int j) {
  Column column;
  read(j, column);
  mean(j, column);
#pragma GCC unroll 8
  for (int i = 0; i < D; ++i)
#pragma GCC unroll 8
    for (int k = i; k < D; ++k)
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) {
        Vec& entry = b[upper_place(D, i, k)][r];
        if (i == j || k == j)
          entry = column.values[i == j ? k : i][r] * column.left[r];
        else
          entry = fma(column.minus_gain[i][r], column.values[k][r], entry);
      }
}

/// The same for columns j and j + 1 in one go over B.
template <int D, int R, class Rows>
inline void Conditioning<D, R, Rows>::two(int j) {
  Column first, second;
  read(j, first);
  read(j + 1, second);
  mean(j, first);
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
    const Vec along = first.minus_gain[j + 1][r], corner = second.values[j][r] * first.left[r];
#pragma GCC unroll 8
    for (int i = 0; i < D; ++i) second.values[i][r] = fma(first.values[i][r], along, second.values[i][r]);
    second.values[j][r] = corner;
  }
  mean(j + 1, second);
#pragma GCC unroll 8
  for (int i = 0; i < D; ++i)
#pragma GCC unroll 8
    for (int k = i; k < D; ++k)
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) {
        Vec& entry = b[upper_place(D, i, k)][r];
        if (i == j + 1 || k == j + 1) {
          entry = second.values[i == j + 1 ? k : i][r] * second.left[r];
        } else if (i == j || k == j) {
          const int other = i == j ? k : i;
          entry =
              fma(second.minus_gain[j][r], second.values[other][r], first.values[other][r] * first.left[r]);
        } else {
          entry = fma(first.minus_gain[i][r], first.values[k][r], entry);
          entry = fma(second.minus_gain[i][r], second.values[k][r], entry);
        }
      }
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

/// u and B of one vector of rows, for few columns.
template <int D, bool Masked>
void complete_small(const ObservedRows& rows, const double* mean, const double* covariance, int row,
                    double* u_out, double* b_out, double*) {
  using Rows = Observation<D, Masked, false>;
  const Component<D> component(mean, covariance);
  const Rows t[1] = {Rows(rows, component, row)};
  Conditioning<D, 1, Rows> c(t);
  c.run();
  for (int i = 0; i < D; ++i) store(u_out + i * kWidth, c.u[i][0]);
  for (int e = 0; e < c.n; ++e) store(b_out + e * kWidth, c.b[e][0]);
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

/// Adds the vector of rows from `row` on: diff(i) = b - center, and entry(place) of B's upper triangle.
template <class Diff, class Entry>
inline void add_moments(int d, const CompletionSums& sums, int row, const Diff& diff, const Entry& entry) {
  const int lane = row % kLanes;
  const Vec gamma = load(sums.gamma + row);
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) {
    double* s1 = sums.s1 + i * kLanes + lane;
    store(s1, load(s1) + gamma * diff(i));
  }
  if (!sums.s2) return;
  double* s2 = sums.s2 + lane;
#pragma GCC unroll 8
  for (int i = 0; i < d; ++i) {
    const Vec weighted = gamma * diff(i), variance = larger(entry(upper_place(d, i, i)), Vec{});
    store(s2, fma(gamma, variance, fma(weighted, diff(i), load(s2))));
    s2 += kLanes;
    if (sums.diagonal) continue;
    for (int k = i + 1; k < d; ++k, s2 += kLanes)
      store(s2, fma(gamma, entry(upper_place(d, i, k)), fma(weighted, diff(k), load(s2))));
  }
}

/// Vectors of rows that are completed side by side: what hides the latency of divisions.
constexpr int completion_vectors(int d) {
  return d <= 4 ? 2 : 1;
}

/// Few columns: all in registers.
template <int D, bool Masked>
void add_small(const ObservedRows& rows, const double* mean, const double* covariance,
               const CompletionSums& sums) {
  constexpr int R = completion_vectors(D);
  using Rows = Observation<D, Masked, false>;
  const Component<D> component(mean, covariance);
  for (int row = 0; row < rows.n_rows; row += R * kWidth) {
    const auto at = [&](int r) { return Rows(rows, component, row + r * kWidth); };
    const auto add = [&](const Rows(&t)[R]) {
      Conditioning<D, R, Rows> c(t);
      c.run();
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) {
        Vec diff[D];
#pragma GCC unroll 8
        for (int i = 0; i < D; ++i) diff[i] = c.u[i][r] + (component.mean[i] - all(sums.center[i]));
        add_moments(
            D, sums, row + r * kWidth, [&](int i) { return diff[i]; }, [&](int e) { return c.b[e][r]; });
      }
    };
    if constexpr (R == 2)
      add({at(0), at(1)});
    else
      add({at(0)});
  }
}

void add_large(const ObservedRows& rows, const double* mean, const double* covariance, double* scratch,
               const CompletionSums& sums) {
  for_each_completion(
      rows, mean, covariance, scratch, [&](int row) { return not_zero(load(sums.gamma + row)) != 0; },
      [&](int row, double* u, const double* b) {
        for (int i = 0; i < rows.d; ++i)
          store(u + i * kWidth, load(u + i * kWidth) + (all(mean[i]) - all(sums.center[i])));
        add_moments(
            rows.d, sums, row, [&](int i) { return load(u + i * kWidth); },
            [&](int e) { return load(b + e * kWidth); });
      });
}

template <bool Masked>
inline auto find_add_small(int d) {
  constexpr decltype(&add_small<1, Masked>) small[] = {
      add_small<1, Masked>, add_small<2, Masked>, add_small<3, Masked>, add_small<4, Masked>,
      add_small<5, Masked>, add_small<6, Masked>, add_small<7, Masked>, add_small<8, Masked>};
  return small[d - 1];
}

void add_completions(const ObservedRows& given, const double* mean, const double* covariance, double* scratch,
                     const CompletionSums& sums) {
  if (given.d > 8 || given.shape == ErrorShape::covariances)
    return add_large(given, mean, covariance, scratch, sums);
  const ObservedRows rows = with_errors(given, scratch);
  (rows.mask ? find_add_small<true>(rows.d) : find_add_small<false>(rows.d))(rows, mean, covariance, sums);
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
