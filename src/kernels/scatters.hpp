// M-step kernels: sums of gamma (x - c) and gamma (x - c)(x - c)^T over the rows of a tile, per scatter
// shape. Layouts of s1 and s2: scatter.hpp. Included by src/kernels/targets.

enum class Moments { first, diagonal, full };

void sum_rows(const double* gamma, double* lanes) {
  for (int lane = 0; lane < kLanes; lane += kWidth) {
    Vec sum = load(lanes + lane);
    for (int n = 0; n < kTile; n += kLanes) sum = sum + load(gamma + n + lane);
    store(lanes + lane, sum);
  }
}

/// Few columns: rows are the lanes, always 8 of them, so that every target adds in the same order.
template <int D, Moments M>
inline void accumulate_small(const ScatterTask& task) {
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

/// True if the small kernel did the work.
template <Moments M>
inline bool accumulated_small(const ScatterTask& task) {
  static_assert(kSmallColumns == 4);
  switch (task.d) {
    case 1:
      accumulate_small<1, M>(task);
      return true;
    case 2:
      accumulate_small<2, M>(task);
      return true;
    case 3:
      accumulate_small<3, M>(task);
      return true;
    case 4:
      accumulate_small<4, M>(task);
      return true;
    default:
      return false;
  }
}

/// Rows whose responsibility is not exactly zero (leaving them out changes no bit).
inline int rows_that_count(const double* gamma, int* rows) {
  int n = 0;
  for (int row = 0; row < kTile; ++row) {
    rows[n] = row;
    n += gamma[row] != 0.0;
  }
  return n;
}

/// Many columns: columns are the lanes, rows are added in ascending order.
template <bool Second, int Vectors>
inline void diagonal_columns(const ScatterTask& task, const int* rows, int n_rows, int column) {
  const int stride = padded(task.d);
  Vec center[Vectors], s1[Vectors] = {}, s2[Vectors] = {};
  for (int v = 0; v < Vectors; ++v) {
    double values[kWidth] = {};
    for (int l = 0; l < kWidth && column + v * kWidth + l < task.d; ++l)
      values[l] = task.center[column + v * kWidth + l];
    center[v] = load(values);
  }
  for (int r = 0; r < n_rows; ++r) {
    const double* x = task.x + rows[r] * stride + column;
    const Vec gamma = all(task.gamma[rows[r]]);
    for (int v = 0; v < Vectors; ++v) {
      const Vec diff = load(x + v * kWidth) - center[v];
      const Vec weighted = gamma * diff;
      s1[v] = s1[v] + weighted;
      if (Second) s2[v] = fma(weighted, diff, s2[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    double* first = task.s1 + column + v * kWidth;
    store(first, load(first) + s1[v]);
    if (!Second) continue;
    double* second = task.s2 + column + v * kWidth;
    store(second, load(second) + s2[v]);
  }
}

template <bool Second>
inline void accumulate_columns(const ScatterTask& task) {
  int rows[kTile];
  const int n_rows = rows_that_count(task.gamma, rows);
  if (n_rows == 0) return;
  const int end = padded(task.d);
  int column = 0;
  for (; column + 4 * kWidth <= end; column += 4 * kWidth)
    diagonal_columns<Second, 4>(task, rows, n_rows, column);
  for (; column < end; column += kWidth) diagonal_columns<Second, 1>(task, rows, n_rows, column);
}

void accumulate_first(const ScatterTask& task) {
  if (!accumulated_small<Moments::first>(task)) accumulate_columns<false>(task);
}

void accumulate_diagonal(const ScatterTask& task) {
  if (!accumulated_small<Moments::diagonal>(task)) accumulate_columns<true>(task);
}

/// Four rows of the scatter matrix by `Vectors` vectors of columns, in registers over all rows of the tile.
template <int Vectors>
inline void full_panel(const double* weighted, const double* diff, int n_rows, int stride, double* s2,
                       int s2_stride) {
  Vec sum[4][Vectors] = {};
  for (int r = 0; r < n_rows; ++r) {
    Vec x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = load(diff + Index{r} * stride + v * kWidth);
    for (int i = 0; i < 4; ++i) {
      const Vec g = all(weighted[Index{r} * stride + i]);
      for (int v = 0; v < Vectors; ++v) sum[i][v] = fma(g, x[v], sum[i][v]);
    }
  }
  for (int i = 0; i < 4; ++i)
    for (int v = 0; v < Vectors; ++v) {
      double* p = s2 + i * s2_stride + v * kWidth;
      store(p, load(p) + sum[i][v]);
    }
}

void accumulate_full(const ScatterTask& task) {
  if (accumulated_small<Moments::full>(task)) return;
  int rows[kTile];
  const int n_rows = rows_that_count(task.gamma, rows);
  if (n_rows == 0) return;
  const int d = task.d, stride = padded(d);
  double* diff = task.scratch;
  double* weighted = task.scratch + kTile * stride;
  for (int r = 0; r < n_rows; ++r) {
    const double* x = task.x + rows[r] * stride;
    const double gamma = task.gamma[rows[r]];
    double* to = diff + r * stride;
    double* weighted_to = weighted + r * stride;
    for (int j = 0; j < d; ++j) {
      to[j] = x[j] - task.center[j];
      weighted_to[j] = gamma * to[j];
    }
    for (int j = d; j < stride; ++j) to[j] = weighted_to[j] = 0.0;
  }
  for (int j = 0; j < stride; j += kWidth) {
    Vec sum = {};
    for (int r = 0; r < n_rows; ++r) sum = sum + load(weighted + r * stride + j);
    store(task.s1 + j, load(task.s1 + j) + sum);
  }
  constexpr int most = GMMPI_WIDTH == 8 ? 4 : 3;
  double* s2 = task.s2;
  for (int i = 0; i < d; i += 4) {
    const int start = i / kPad * kPad, columns = stride - start;
    int j = 0;
    for (; j + most * kWidth <= columns; j += most * kWidth)
      full_panel<most>(weighted + i, diff + start + j, n_rows, stride, s2 + j, columns);
    for (; j < columns; j += kWidth)
      full_panel<1>(weighted + i, diff + start + j, n_rows, stride, s2 + j, columns);
    s2 += 4 * columns;
  }
}
