// E-step and M-step kernels for rows that lack few columns m: what these are expected to be, by the precision
// P = S^-1. Rows are the lanes; sums over columns run in ascending order. Included by src/kernels/targets.
//
// With v = x - mean, and 0 where missing: u_m = -P_mm^-1 (P v)_m is expected there, with covariance P_mm^-1,
// and ln det S_oo = ln det S + ln det P_mm. So m columns are eliminated where T has d - m.

constexpr int kOutputs = 4;  ///< of P v that a register tile computes

/// w = P v of a panel of rows (each d x kPanel); up to kOutputs - 1 rows of w beyond become 0.
inline void precision_times(const FewGapsTask& task, const double* v, double* w) {
  for (int j = 0; j < task.d; j += kOutputs) {
    Vec sum[kOutputs][kRowVectors] = {};
    const double* p = task.precision + Index{j} * task.stride();
    for (int i = 0; i < task.d; ++i) {
      Vec x[kRowVectors];
      for (int r = 0; r < kRowVectors; ++r) x[r] = load(v + i * kPanel + r * kWidth);
      for (int c = 0; c < kOutputs; ++c) {
        const Vec entry = all(p[c * task.stride() + i]);
        for (int r = 0; r < kRowVectors; ++r) sum[c][r] = fma(entry, x[r], sum[c][r]);
      }
    }
    for (int c = 0; c < kOutputs; ++c)
      for (int r = 0; r < kRowVectors; ++r) store(w + (j + c) * kPanel + r * kWidth, sum[c][r]);
  }
}

/// P_mm = L D L^T of one vector of rows, of which none lacks more than M columns: those that it lacks less
/// are like columns that no other depends on.
template <int M>
struct MissingPart {
  Vec minus_l[M][M], minus_inverse[M], z[M];  ///< z = L^-1 (P v)_m
  Product det;

  /// Of rows from `row` of the tile on, which are those of `w` (.. x kPanel).
  MissingPart(const FewGapsTask& task, int row, const double* w) {
    const int* column = task.missing + row;
    const auto entry_of_p = [&](int i, int j) {
      return gathered([&](int lane) {
        return task.precision[Index{column[i * kTile + lane]} * task.stride() + column[j * kTile + lane]];
      });
    };
    Vec l_d[M][M];
#pragma GCC unroll 16
    for (int j = 0; j < M; ++j) {
      z[j] = gathered([&](int lane) { return w[column[j * kTile + lane] * kPanel + lane]; });
      for (int k = 0; k < j; ++k) z[j] = fma(z[k], minus_l[j][k], z[j]);
      const Vec variance = entry_of_p(j, j);
      Vec left = variance;
      for (int k = 0; k < j; ++k) left = fma(l_d[j][k], minus_l[j][k], left);
      left = larger(left, fma(all(least_pivot(task.d)), variance, all(0x1p-1022)));
      det.multiply(left);
      minus_inverse[j] = all(-1.0) / left;
      for (int i = j + 1; i < M; ++i) {
        Vec entry = entry_of_p(i, j);
        for (int k = 0; k < j; ++k) entry = fma(l_d[i][k], minus_l[j][k], entry);
        l_d[i][j] = entry;
        minus_l[i][j] = entry * minus_inverse[j];
      }
    }
  }
  /// u_m, in place of z.
  void expect() {
    for (int j = M; j-- > 0;) {
      z[j] = z[j] * minus_inverse[j];
      for (int i = j + 1; i < M; ++i) z[j] = fma(minus_l[i][j], z[i], z[j]);
    }
  }
  /// B = P_mm^-1 = L^-T D^-1 L^-1, of which entries j <= i; in place of minus L.
  void invert() {
    Vec x[M][M];  // L^-1
    for (int j = 0; j < M; ++j)
      for (int i = j + 1; i < M; ++i) {
        x[i][j] = minus_l[i][j];
        for (int k = j + 1; k < i; ++k) x[i][j] = fma(minus_l[i][k], x[k][j], x[i][j]);
      }
    for (int j = 0; j < M; ++j)
      for (int i = j; i < M; ++i) {
        const Vec first = -minus_inverse[i];
        Vec sum = i == j ? first : first * x[i][j];
        for (int k = i + 1; k < M; ++k) sum = fma(x[k][i] * -minus_inverse[k], x[k][j], sum);
        minus_l[i][j] = sum;
      }
  }
};

/// What is worked on for a panel of rows.
struct FewGapsPanel {
  double *v, *w;                                ///< (d + kMostGaps) x kPanel
  double fractions[kPanel], exponents[kPanel];  ///< of det P_mm

  FewGapsPanel(const FewGapsTask& task, double* scratch) : v(scratch), w(v + task.stride() * kPanel) {
    for (int e = task.d * kPanel; e < task.stride() * kPanel; e += kWidth) store(w + e, Vec{});
  }
  static int most_missing(const FewGapsTask& task, int row) {
    int most = 0;
    for (int lane = 0; lane < kWidth; ++lane)
      most = task.n_missing[row + lane] > most ? task.n_missing[row + lane] : most;
    return most;
  }

  /// v and w of rows from `row` on, with 0 where values are missing.
  void begin(const FewGapsTask& task, int row) {
    subtract(task.d, task.xt + row, task.mean, v);
    for (int r = 0; r < kPanel; ++r)
      for (int a = 0; a < task.n_missing[row + r]; ++a)
        v[task.missing[a * kTile + row + r] * kPanel + r] = 0.0;
    precision_times(task, v, w);
  }
  /// What is expected, into v of the vector of rows from `first` of the panel on, and B (packed) into b if
  /// wanted.
  template <int M>
  void expect(const FewGapsTask& task, int row, int first, double* b) {
    MissingPart<M> part(task, row + first, w + first);
    part.expect();
    store(fractions + first, part.det.fraction);
    store(exponents + first, from_bits(part.det.exponent - 1023 * M));
    for (int a = 0; a < M; ++a) {
      double expected[kWidth];
      store(expected, part.z[a]);
      for (int lane = 0; lane < kWidth; ++lane)
        v[task.missing[a * kTile + row + first + lane] * kPanel + first + lane] = expected[lane];
    }
    if (!b) return;
    part.invert();
    for (int i = 0; i < M; ++i)
      for (int j = 0; j <= i; ++j) store(b + packed_place(i, j) * kWidth, part.minus_l[i][j]);
  }
  void expect(const FewGapsTask& task, int row, int first, double* b) {
    constexpr void (FewGapsPanel::*by_most[])(const FewGapsTask&, int, int, double*) = {
        nullptr,
        &FewGapsPanel::expect<1>,
        &FewGapsPanel::expect<2>,
        &FewGapsPanel::expect<3>,
        &FewGapsPanel::expect<4>,
        &FewGapsPanel::expect<5>,
        &FewGapsPanel::expect<6>,
        &FewGapsPanel::expect<7>,
        &FewGapsPanel::expect<8>,
        &FewGapsPanel::expect<10>,
        &FewGapsPanel::expect<10>,
        &FewGapsPanel::expect<12>,
        &FewGapsPanel::expect<12>,
        &FewGapsPanel::expect<16>,
        &FewGapsPanel::expect<16>,
        &FewGapsPanel::expect<16>,
        &FewGapsPanel::expect<16>};
    static_assert(sizeof by_most / sizeof by_most[0] == kMostGaps + 1);
    const int most = most_missing(task, row + first);
    if (most > 0) return (this->*by_most[most])(task, row, first, b);
    store(fractions + first, all(1.0));
    store(exponents + first, Vec{});
  }
};

void few_gaps_density(const FewGapsTask& task, double* scratch, double* q, double* log_det) {
  FewGapsPanel panel(task, scratch);
  double exponents[kTile];
  for (int row = 0; row < task.n_rows; row += kPanel) {
    panel.begin(task, row);
    for (int first = 0; first < kPanel; first += kWidth) {
      panel.expect(task, row, first, nullptr);
      store(log_det + row + first, load(panel.fractions + first));
      store(exponents + row + first, load(panel.exponents + first));
      store(q + row + first, Vec{});
    }
    dense_panel(0, task.d, panel.v, task.factor, q + row);
  }
  finish(task.n_rows, 0, exponents, log_det, q);
}

/// Sums of one vector of rows, all of whose lanes begin at row % kLanes; v becomes what is from the centre.
inline void add_expected(const FewGapsTask& task, const CompletionSums& sums, int row, double* v) {
  const int d = task.d, lane = row % kLanes;
  const Vec gamma = load(sums.gamma + row);
  for (int i = 0; i < d; ++i) {
    const Vec diff = load(v + i * kPanel) + (all(task.mean[i]) - all(sums.center[i])),
              weighted = gamma * diff;
    double* s1 = sums.s1 + i * kLanes + lane;
    store(s1, load(s1) + weighted);
    store(v + i * kPanel, diff);
  }
  double* s2 = sums.s2 + lane;
  for (int i = 0; i < d && sums.s2; ++i) {
    const Vec diff = load(v + i * kPanel), weighted = gamma * diff;
    for (int k = i; k < (sums.diagonal ? i + 1 : d); ++k, s2 += kLanes)
      store(s2, fma(weighted, load(v + k * kPanel), load(s2)));
  }
}

/// The same of their B.
inline void add_covariances(const FewGapsTask& task, const CompletionSums& sums, int row, const double* b) {
  for (int r = row; r < row + kWidth; ++r, ++b)
    for (int i = 0; i < task.n_missing[r]; ++i)
      for (int j = sums.diagonal ? i : 0; j <= i; ++j) {
        const int column = task.missing[i * kTile + r], before = task.missing[j * kTile + r];
        const int place = sums.diagonal ? column : upper_place(task.d, before, column);
        double& s2 = sums.s2[place * kLanes + r % kLanes];
        s2 = __builtin_fma(sums.gamma[r], b[packed_place(i, j) * kWidth], s2);
      }
}

void add_few_gaps(const FewGapsTask& task, double* scratch, const CompletionSums& sums) {
  FewGapsPanel panel(task, scratch);
  double* b = scratch + 2 * task.stride() * kPanel;
  for (int row = 0; row < task.n_rows; row += kPanel) {
    panel.begin(task, row);
    for (int first = 0; first < kPanel; first += kWidth) {
      panel.expect(task, row, first, sums.s2 ? b : nullptr);
      add_expected(task, sums, row + first, panel.v + first);
      if (sums.s2) add_covariances(task, sums, row + first, b);
    }
  }
}
