// M-step kernels: sums of gamma (x - c) and gamma (x - c)(x - c)^T over rows, per scatter shape. Layouts of
// s1 and s2: scatter.hpp. Included by src/kernels/targets.

enum class Moments { first, diagonal, full };

void sum_rows(const double* gamma, double* lanes) {
  static_assert(kTile == 8 * kLanes);
  for (int lane = 0; lane < kLanes; lane += kWidth) {
    Vec v[8];
    for (int i = 0; i < 8; ++i) v[i] = load(gamma + i * kLanes + lane);
    for (int half = 4; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) v[i] = v[i] + v[i + half];
    store(lanes + lane, load(lanes + lane) + v[0]);
  }
}

/// Few columns: rows are the lanes, always 8 of them, so that every target adds in the same order.
template <int D, Moments M>
inline void accumulate_small(const TileTask& task) {
  constexpr int n_s2 = M == Moments::full ? D * (D + 1) / 2 : M == Moments::diagonal ? D : 0;
  for (int lane = 0; lane < kLanes; lane += kWidth) {
    Vec s1[D], s2[n_s2 > 0 ? n_s2 : 1] = {};
    for (int i = 0; i < D; ++i) s1[i] = load(task.s1 + i * kLanes + lane);
    for (int e = 0; e < n_s2; ++e) s2[e] = load(task.s2 + e * kLanes + lane);
    for (int n = lane; n < kTile; n += kLanes) {
      const Vec gamma = load(task.gamma + n);
      Vec diff[D];
      for (int i = 0; i < D; ++i) diff[i] = load(task.xt + i * kTile + n) - all(task.center[i]);
      int e = 0;
      for (int i = 0; i < D; ++i) {
        const Vec weighted = gamma * diff[i];
        s1[i] = s1[i] + weighted;
        if constexpr (M == Moments::diagonal) s2[i] = fma(weighted, diff[i], s2[i]);
        if constexpr (M == Moments::full)
          for (int j = i; j < D; ++j, ++e) s2[e] = fma(weighted, diff[j], s2[e]);
      }
    }
    for (int i = 0; i < D; ++i) store(task.s1 + i * kLanes + lane, s1[i]);
    for (int e = 0; e < n_s2; ++e) store(task.s2 + e * kLanes + lane, s2[e]);
  }
}

template <Moments M>
void small_columns(const TileTask& task) {
  static_assert(kSmallColumns == 4);
  switch (task.d) {
    case 1:
      return accumulate_small<1, M>(task);
    case 2:
      return accumulate_small<2, M>(task);
    case 3:
      return accumulate_small<3, M>(task);
    default:
      return accumulate_small<4, M>(task);
  }
}

bool all_count(const double* gamma) {
  for (int row = 0; row < kTile; row += kWidth)
    if (not_zero(load(gamma + row)) != (1u << kWidth) - 1) return false;
  return true;
}

int gather_rows(int d, const double* x, const double* gamma, const double** rows, double* gammas) {
  const int stride = padded(d);
  int n = 0;
  for (int row = 0; row < kTile; row += kWidth)
    n += store_nonzero(load(gamma + row), x + row * stride, stride, gammas + n, rows + n);
  return n;
}

/// R rows, whose sums hide each other's latency.
template <int R>
inline void regress(const RegressionTask& task, const double* const* x, int stride, double* out) {
  const int n_o = task.n_observed, n_m = task.n_missing, step = padded(n_m);
  for (int a = 0; a < n_o; ++a)
    for (int r = 0; r < R; ++r) out[r * stride + task.observed[a]] = x[r][a] - task.center[a];
  for (int first = 0; first < n_m; first += kWidth) {
    Vec sum[R];
    for (int r = 0; r < R; ++r) sum[r] = load(task.shifts + first);
    for (int a = 0; a < n_o && task.slopes; ++a) {
      const Vec slopes = load(task.slopes + Index{a} * step + first);
      for (int r = 0; r < R; ++r) sum[r] = fma(slopes, all(x[r][a] - task.center[a]), sum[r]);
    }
    for (int r = 0; r < R; ++r) {
      alignas(64) double expected[kWidth];
      store(expected, sum[r]);
      for (int b = first; b < first + kWidth && b < n_m; ++b)
        out[r * stride + task.missing[b]] = expected[b - first];
    }
  }
}

void regress_rows(const RegressionTask& task, int n_rows, const double* const* x, int stride, double* out) {
  int r = 0;
  for (; r + 4 <= n_rows; r += 4) regress<4>(task, x + r, stride, out + Index{r} * stride);
  for (; r < n_rows; ++r) regress<1>(task, x + r, stride, out + Index{r} * stride);
}

/// Diagonal moments, `Vectors` vectors of columns: columns are the lanes. `Phases` sums over every
/// Phases-th row hide the latency of additions; they are folded in a fixed order.
template <bool Second, int Vectors, int Phases>
inline void diagonal_columns(const RowsTask& task, int column) {
  Vec center[Vectors], s1[Phases][Vectors], s2[Phases][Vectors];
  for (int v = 0; v < Vectors; ++v) center[v] = load(task.center + column + v * kWidth);
  for (int p = 0; p < Phases; ++p)
    for (int v = 0; v < Vectors; ++v) s1[p][v] = s2[p][v] = Vec{};
  for (int row = 0; row < task.n_rows; row += Phases)
    for (int p = 0; p < Phases; ++p) {
      const double* x = task.x[row + p] + column;
      const Vec gamma = all(task.gamma[row + p]);
      for (int v = 0; v < Vectors; ++v) {
        const Vec diff = load(x + v * kWidth) - center[v];
        const Vec weighted = gamma * diff;
        s1[p][v] = Second ? s1[p][v] + weighted : fma(gamma, diff, s1[p][v]);
        if (Second) s2[p][v] = fma(weighted, diff, s2[p][v]);
      }
    }
  for (int half = Phases / 2; half > 0; half /= 2)
    for (int p = 0; p < half; ++p)
      for (int v = 0; v < Vectors; ++v) {
        s1[p][v] = s1[p][v] + s1[p + half][v];
        s2[p][v] = s2[p][v] + s2[p + half][v];
      }
  for (int v = 0; v < Vectors; ++v) {
    double* first = task.s1 + column + v * kWidth;
    store(first, load(first) + s1[0][v]);
    if (!Second) continue;
    double* second = task.s2 + column + v * kWidth;
    store(second, load(second) + s2[0][v]);
  }
}

template <bool Second>
void accumulate_columns(const RowsTask& task) {
  const int end = padded(task.d);
  int column = 0;
  for (; column + kColumnVectors * kWidth <= end; column += kColumnVectors * kWidth)
    diagonal_columns<Second, kColumnVectors, kPhases>(task, column);
  for (; column + 2 * kWidth <= end; column += 2 * kWidth) diagonal_columns<Second, 2, kPhases>(task, column);
  for (; column < end; column += kWidth) diagonal_columns<Second, 1, kPhases>(task, column);
}

void accumulate_first(const RowsTask& task) {
  accumulate_columns<false>(task);
}

void accumulate_diagonal(const RowsTask& task) {
  accumulate_columns<true>(task);
}

/// Differences and weighted differences of all rows, and the first moments.
template <int Vectors>
inline void weighted_differences(const RowsTask& task, int column, int stride, double* diff,
                                 double* weighted) {
  Vec center[Vectors], s1[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    center[v] = load(task.center + column + v * kWidth);
    s1[v] = Vec{};
  }
  for (int r = 0; r < task.n_rows; ++r) {
    const Vec gamma = all(task.gamma[r]);
    for (int v = 0; v < Vectors; ++v) {
      const int at = column + v * kWidth;
      const Vec x = load(task.x[r] + at) - center[v], w = gamma * x;
      store(diff + r * stride + at, x);
      store(weighted + r * stride + at, w);
      s1[v] = s1[v] + w;
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    double* first = task.s1 + column + v * kWidth;
    store(first, load(first) + s1[v]);
  }
}

/// `Rows` rows of the scatter matrix by `Vectors` vectors of columns, in registers over all rows of data.
template <int Rows, int Vectors>
inline void full_panel(const double* weighted, const double* diff, int n_rows, int stride, double* s2,
                       int s2_stride) {
  Vec sum[Rows][Vectors];
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < Vectors; ++v) sum[i][v] = Vec{};
  for (int r = 0; r < n_rows; ++r) {
    Vec x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = load(diff + Index{r} * stride + v * kWidth);
    for (int i = 0; i < Rows; ++i) {
      const Vec g = all(weighted[Index{r} * stride + i]);
      for (int v = 0; v < Vectors; ++v) sum[i][v] = fma(g, x[v], sum[i][v]);
    }
  }
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < Vectors; ++v) {
      double* p = s2 + i * s2_stride + v * kWidth;
      store(p, load(p) + sum[i][v]);
    }
}

void accumulate_full(const RowsTask& task) {
  // Rows of scratch lie a cache line further apart than a power of two would have them.
  const int end = padded(task.d), stride = end + kPad, n = task.n_rows;
  double* diff = task.scratch;
  double* weighted = task.scratch + kGathered * stride;
  int column = 0;
  for (; column + 4 * kWidth <= end; column += 4 * kWidth)
    weighted_differences<4>(task, column, stride, diff, weighted);
  for (; column < end; column += kWidth) weighted_differences<1>(task, column, stride, diff, weighted);
  constexpr int rows = kScatterRows, most = kScatterVectors;
  double* s2 = task.s2;
  for (int start = 0; start < end; start += kPad) {
    const int columns = end - start;
    for (int i = start; i < start + kPad; i += rows, s2 += rows * columns) {
      int j = 0;
      for (; columns - j >= most * kWidth && (most == 4 || columns - j != 4 * kWidth); j += most * kWidth)
        full_panel<rows, most>(weighted + i, diff + start + j, n, stride, s2 + j, columns);
      for (; columns - j >= 2 * kWidth; j += 2 * kWidth)
        full_panel<rows, 2>(weighted + i, diff + start + j, n, stride, s2 + j, columns);
      for (; j < columns; j += kWidth)
        full_panel<rows, 1>(weighted + i, diff + start + j, n, stride, s2 + j, columns);
    }
  }
}
