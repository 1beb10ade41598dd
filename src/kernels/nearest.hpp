// The nearest and the second nearest of many centres. Rows are the lanes; sums over columns run in
// ascending order, as in densities.hpp. Included by src/kernels/targets.

/// What is known of a panel of rows: squared distances, and the number of the nearest centre as a double.
struct NearestPanel {
  Vec least[kRowVectors], second[kRowVectors], nearest[kRowVectors];
};

template <int Centers>
inline void nearest_among(int d, const double* xt, const double* centers, double first, NearestPanel& panel) {
  Vec sum[Centers][kRowVectors] = {};
  for (int j = 0; j < d; ++j) {
    Vec x[kRowVectors];
    for (int r = 0; r < kRowVectors; ++r) x[r] = load(xt + j * kTile + r * kWidth);
    for (int k = 0; k < Centers; ++k) {
      const Vec center = all(centers[Index{k} * d + j]);
      for (int r = 0; r < kRowVectors; ++r) {
        const Vec y = x[r] - center;
        sum[k][r] = fma(y, y, sum[k][r]);
      }
    }
  }
  for (int k = 0; k < Centers; ++k)
    for (int r = 0; r < kRowVectors; ++r) {
      const Vec distance = sum[k][r], least = panel.least[r];
      const auto closer = distance < least;
      const Vec loser = closer ? least : distance;
      panel.second[r] = loser < panel.second[r] ? loser : panel.second[r];
      panel.least[r] = closer ? distance : least;
      panel.nearest[r] = closer ? all(first + k) : panel.nearest[r];
    }
}

/// What is left between the distances of which these are the squares as computed, each with a relative error
/// of d + 2 roundings and less than `tiny` from underflow; less than that by `error` times the nearer one, so
/// that a positive gap decides a comparison of the computed squares. 30 further roundings make up for those
/// that happen here.
inline Vec safe_gap(int d, Vec least, Vec second) {
  const double error = (d + 32) * 0x1p-53, tiny = 1e-300, root_of_tiny = 1e-150;
  const Vec own = square_root(fma(all(1.0 + error), least, all(tiny)));
  const Vec other = square_root(larger(fma(all(1.0 - error), second, all(-tiny)), all(0.0)));
  return other - all(1.0 + 2.0 * error) * own - all(2.0 * root_of_tiny);
}

void nearest_with_gap(int d, int n_centers, const double* xt, const double* centers, double* nearest,
                      double* least, double* gap) {
  const Vec far = all(__builtin_inf());
  for (int row = 0; row < kTile; row += kPanel) {
    NearestPanel panel;
    for (int r = 0; r < kRowVectors; ++r) {
      panel.least[r] = panel.second[r] = far;
      panel.nearest[r] = all(0.0);
    }
    int k = 0;
    for (; k + 4 <= n_centers; k += 4) nearest_among<4>(d, xt + row, centers + Index{k} * d, k, panel);
    for (; k < n_centers; ++k) nearest_among<1>(d, xt + row, centers + Index{k} * d, k, panel);
    for (int r = 0; r < kRowVectors; ++r) {
      store(nearest + row + r * kWidth, panel.nearest[r]);
      store(least + row + r * kWidth, panel.least[r]);
      store(gap + row + r * kWidth, safe_gap(d, panel.least[r], panel.second[r]));
    }
  }
}
