// Kernels of Student's t: log densities and the rows' weights, from squared distances. Rows are the lanes.
// Included by src/kernels/targets.

/// What rounding takes from 1 + y.
inline Vec lost_digits(Vec y, Vec sum) {
  const Vec part = sum - all(1.0);
  return (all(1.0) - (sum - part)) + (y - part);
}

void student_log_joint(int n_components, int d, const double* constants, const double* dof, double* values) {
  const Vec cap = all(1e300), out_of_reach = all(-0.5e300);
  for (int k = 0; k < n_components; ++k) {
    const Vec constant = all(constants[k]), nu = all(dof[k]), factor = all(-0.5) * (nu + all(d));
    double* row = values + Index{k} * kTile;
    for (int n = 0; n < kTile; n += kWidth) {
      const Vec q = load(row + n), y = (q < cap ? q : all(0.0)) / nu;
      const Vec sum = all(1.0) + y, log_sum = log(sum) + lost_digits(y, sum) / sum;
      const Vec joint = fma(factor, log_sum, constant);
      store(row + n, q < cap ? joint : out_of_reach);
    }
  }
}

void student_weights(int d, double dof, const double* distances, double* gamma, double* excess) {
  const Vec cap = all(1e300), columns = all(d), nu = all(dof), most = nu + columns, half = all(0.5);
  for (int n = 0; n < kTile; n += kWidth) {
    Vec q = load(distances + n);
    q = q < cap ? q : cap;
    const Vec beyond = q - columns, rest = nu + q, y = beyond / most, sum = all(1.0) + y;
    const auto near = larger(y, -y) < half;  // u = 1 / (1 + y) is near 1
    const Vec inverse = near ? sum : rest / most, lost = near ? lost_digits(y, sum) : all(0.0);
    const Vec share = load(gamma + n);
    store(excess + n, share * (beyond / rest - (log(inverse) + lost / inverse)));
    store(gamma + n, share * (most / rest));
  }
}
