// The kernels of incomplete and noisy rows against dense algebra in long double, their edges, the same bits
// on every target.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "gmmpi/kernels/aligned.hpp"
#include "kernels/table.hpp"

namespace {

using namespace gmmpi;
using Real = long double;
using Matrix = std::vector<std::vector<Real>>;

enum class Masks { none, all_observed, few_gaps, mostly_gaps, nothing };
enum class Errors { none, variances, covariances, mixed_scales };

/// A component and a tile of rows.
struct Case {
  int d;
  AlignedDoubles x, mask, errors, gamma;
  std::vector<double> mean, center, covariance;
  ObservedRows rows;

  Case(int d_, Masks masks, Errors kind, double nearness, int n_rows = kTile);
};

/// The sum of `n` squares of random vectors and a diagonal, as packed lower triangle.
template <class Uniform>
std::vector<double> random_covariance(int d, int n, double diagonal, const std::vector<double>& units,
                                      Uniform&& uniform) {
  std::vector<double> packed(std::size_t(d) * (d + 1) / 2);
  for (int i = 0; i < d; ++i) packed[i * (i + 1) / 2 + i] = diagonal * units[i] * units[i];
  for (int r = 0; r < n; ++r) {
    std::vector<double> v(d);
    for (int i = 0; i < d; ++i) v[i] = units[i] * uniform(-1.0, 1.0);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j) packed[i * (i + 1) / 2 + j] += v[i] * v[j];
  }
  return packed;
}

Case::Case(int d_, Masks masks, Errors kind, double nearness, int n_rows) : d(d_) {
  std::mt19937_64 generator(d);
  const auto uniform = [&](double a, double b) {
    return a + (b - a) * (double(generator() >> 11) * 0x1p-53);
  };
  std::vector<double> units(d, 1.0);
  if (kind == Errors::mixed_scales)
    for (double& unit : units) unit = std::exp2(std::floor(uniform(-30.0, 30.0)));
  const std::vector<double> packed = random_covariance(d, (d + 1) / 2, nearness, units, uniform);
  covariance.resize(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int j = 0; j <= i; ++j) covariance[i * d + j] = covariance[j * d + i] = packed[i * (i + 1) / 2 + j];
  for (int i = 0; i < d; ++i) {
    mean.push_back(1000.0 * uniform(-1.0, 1.0) * units[i]);
    center.push_back(mean[i] + uniform(-1.0, 1.0) * units[i]);
  }
  x.resize(std::size_t(d) * kTile);
  mask.resize(x.size());
  gamma.resize(kTile);
  const double gaps = masks == Masks::few_gaps ? 0.3 : masks == Masks::mostly_gaps ? 0.9 : 0.0;
  for (int i = 0; i < d; ++i)
    for (int r = 0; r < kTile; ++r) {
      const bool known = masks != Masks::nothing && uniform(0.0, 1.0) >= gaps;
      mask[i * kTile + r] = known;
      x[i * kTile + r] = known || masks == Masks::none ? mean[i] + 3.0 * units[i] * uniform(-1.0, 1.0) : 0.0;
    }
  for (int r = 0; r < n_rows; ++r) gamma[r] = r % 5 == 3 ? 0.0 : uniform(0.0, 1.0);
  if (kind == Errors::covariances) {
    errors.resize(std::size_t(d) * (d + 1) / 2 * kTile);
    for (int r = 0; r < kTile; ++r) {
      // Of large errors without full rank, T holds no digits of S.
      const double factor = r % 3 == 1 ? 1e12 : r % 7 == 2 ? 0.0 : 1.0;
      const double least = factor > 1.0 && nearness > 0.1 ? 0.5 : r % 4 == 0 ? 0.0 : 0.1;
      const std::vector<double> e = random_covariance(d, 2, least, units, uniform);
      for (std::size_t place = 0; place < e.size(); ++place) errors[place * kTile + r] = factor * e[place];
    }
  } else if (kind != Errors::none) {
    errors.resize(x.size());
    for (int i = 0; i < d; ++i)
      for (int r = 0; r < kTile; ++r)
        errors[i * kTile + r] = units[i] * units[i] *
                                (r % 4 == 1         ? 0.0
                                 : (r + i) % 7 == 2 ? 1e12
                                                    : uniform(0.0, 2.0));
  }
  rows = {d,
          n_rows,
          x.data(),
          masks == Masks::none ? nullptr : mask.data(),
          errors.empty() ? nullptr : errors.data(),
          kind == Errors::covariances ? ErrorShape::covariances : ErrorShape::variances};
}

/// What the kernels give, lanes folded in any order.
struct Results {
  AlignedDoubles q, log_det, means, covariances, s1, s2, s2_diagonal;

  Results(const Case& c, const KernelTable& kernels)
      : q(kTile),
        log_det(kTile),
        means(std::size_t(c.d) * kTile),
        covariances(std::size_t(c.d) * (c.d + 1) / 2 * kTile),
        s1(std::size_t(c.d) * kRowLanes),
        s2(std::size_t(c.d) * (c.d + 1) / 2 * kRowLanes),
        s2_diagonal(s1.size()) {
    AlignedDoubles scratch(observed_scratch(c.d)), s1_again(s1.size());
    const double *mean = c.mean.data(), *covariance = c.covariance.data();
    kernels.observed_density(c.rows, mean, covariance, scratch.data(), q.data(), log_det.data());
    kernels.completions(c.rows, mean, covariance, scratch.data(), means.data(), covariances.data());
    kernels.add_completions(c.rows, mean, covariance, scratch.data(),
                            {c.gamma.data(), c.center.data(), s1.data(), s2.data(), false});
    kernels.add_completions(c.rows, mean, covariance, scratch.data(),
                            {c.gamma.data(), c.center.data(), s1_again.data(), s2_diagonal.data(), true});
    CHECK(std::memcmp(s1.data(), s1_again.data(), s1.size() * sizeof(double)) == 0);
  }
};

/// The same of one row, by Cholesky's factorisation of what is observed alone.
struct Row {
  Real q = 0.0, log_det = 0.0;
  std::vector<Real> b;
  Matrix B;

  Row(const Case& c, int r) {
    std::vector<int> seen;
    for (int i = 0; i < c.d; ++i)
      if (!c.rows.mask || c.mask[i * kTile + r] == 1.0) seen.push_back(i);
    const int n = static_cast<int>(seen.size());
    const auto error = [&](int i, int j) -> Real {
      if (!c.rows.errors) return 0.0;
      if (c.rows.shape == ErrorShape::variances) return i == j ? c.errors[i * kTile + r] : 0.0;
      return c.errors[(std::max(i, j) * (std::max(i, j) + 1) / 2 + std::min(i, j)) * kTile + r];
    };
    // Rows below T: x - mean, then S of all columns with those that are observed.
    Matrix L(n + 1 + c.d, std::vector<Real>(n));
    for (int i = 0; i < n + 1 + c.d; ++i)
      for (int j = 0; j < n; ++j) {
        L[i][j] = i < n    ? Real(c.covariance[seen[i] * c.d + seen[j]]) + error(seen[i], seen[j])
                  : i == n ? Real(c.x[seen[j] * kTile + r] - c.mean[seen[j]])
                           : Real(c.covariance[(i - n - 1) * c.d + seen[j]]);
        for (int k = 0; k < std::min(i, j); ++k) L[i][j] -= L[i][k] * L[j][k];
        if (i == j) L[i][i] = std::sqrt(L[i][i]);
        if (i > j) L[i][j] /= L[j][j];
      }
    for (int j = 0; j < n; ++j) {
      q += L[n][j] * L[n][j];
      log_det += 2 * std::log(L[j][j]);
    }
    B.assign(c.d, std::vector<Real>(c.d));
    for (int i = 0; i < c.d; ++i) {
      b.push_back(c.mean[i]);
      for (int j = 0; j < n; ++j) b[i] += L[n + 1 + i][j] * L[n][j];
      for (int k = 0; k < c.d; ++k) {
        B[i][k] = c.covariance[i * c.d + k];
        for (int j = 0; j < n; ++j) B[i][k] -= L[n + 1 + i][j] * L[n + 1 + k][j];
      }
    }
  }
};

/// Largest deviations, in parts of what rounding may do: of q, of a variance, of a standard deviation.
struct Deviation {
  double q = 0.0, log_det = 0.0, b = 0.0, B = 0.0, s1 = 0.0, s2 = 0.0;
  bool negative = false;  // a variance is
};

double fold(const AlignedDoubles& lanes, std::size_t entry) {
  double sum = 0.0;
  for (int lane = 0; lane < kRowLanes; ++lane) sum += lanes[entry * kRowLanes + lane];
  return sum;
}

Deviation compare(const Case& c, const Results& results) {
  Deviation worst;
  const auto keep = [](double& most, Real difference, Real unit) {
    const double part = double(std::abs(difference) / unit);
    most = part <= most ? most : part;  // NaN is kept
  };
  const auto width = [&](int i) { return std::sqrt(Real(c.covariance[i * c.d + i])); };
  std::vector<Real> s1(c.d);
  Matrix s2(c.d, std::vector<Real>(c.d));
  for (int r = 0; r < c.rows.n_rows; ++r) {
    const Row row(c, r);
    keep(worst.q, results.q[r] - row.q, 1.0 + row.q);
    keep(worst.log_det, results.log_det[r] - row.log_det, 1.0 + std::abs(row.log_det));
    for (int i = 0; i < c.d; ++i) {
      keep(worst.b, results.means[i * kTile + r] - row.b[i], width(i));
      s1[i] += c.gamma[r] * (row.b[i] - c.center[i]);
      for (int k = 0; k <= i; ++k) {
        keep(worst.B, results.covariances[(i * (i + 1) / 2 + k) * kTile + r] - row.B[i][k],
             width(i) * width(k));
        s2[k][i] += c.gamma[r] * ((row.b[i] - c.center[i]) * (row.b[k] - c.center[k]) + row.B[i][k]);
      }
      worst.negative = worst.negative || results.covariances[(i * (i + 1) / 2 + i) * kTile + r] < 0.0;
    }
  }
  std::size_t entry = 0;
  for (int i = 0; i < c.d; ++i) {
    keep(worst.s1, fold(results.s1, i) - s1[i], kTile * width(i));
    keep(worst.s2, fold(results.s2_diagonal, i) - s2[i][i], kTile * width(i) * width(i));
    for (int k = i; k < c.d; ++k, ++entry)
      keep(worst.s2, fold(results.s2, entry) - s2[i][k], kTile * width(i) * width(k));
  }
  return worst;
}

constexpr Masks kMasks[] = {Masks::none, Masks::all_observed, Masks::few_gaps, Masks::mostly_gaps,
                            Masks::nothing};
constexpr Errors kErrors[] = {Errors::none, Errors::variances, Errors::covariances, Errors::mixed_scales};

}  // namespace

TEST_CASE("observed kernels: densities, completions and their sums agree with long double", "[serial]") {
  for (int d = 1; d <= 20; ++d)
    for (const Masks masks : kMasks)
      for (const Errors errors : kErrors) {
        const Case c(d, masks, errors, 0.5);
        const Deviation worst = compare(c, Results(c, select_kernels()));
        INFO("d " << d << ", masks " << int(masks) << ", errors " << int(errors));
        CHECK(worst.q < 1e-12);
        CHECK(worst.log_det < 1e-14);
        CHECK(worst.b < 1e-12);  // x - mean is rounded once, b as a number some 1000 widths from 0
        CHECK(worst.B < 1e-13);
        CHECK(worst.s1 < 1e-12);
        CHECK(worst.s2 < 1e-12);
        CHECK(!worst.negative);
      }
}

TEST_CASE("observed kernels: all targets give the same bits", "[serial]") {
  const auto same = [](const AlignedDoubles& a, const AlignedDoubles& b, int n_rows = 0) {
    if (n_rows == 0) return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
    for (std::size_t row = 0; row < a.size(); row += kTile)
      if (std::memcmp(a.data() + row, b.data() + row, n_rows * sizeof(double)) != 0) return false;
    return true;
  };
  for (const int d : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 20})
    for (const Masks masks : {Masks::none, Masks::few_gaps})
      for (const Errors errors : {Errors::none, Errors::mixed_scales, Errors::covariances})
        for (const int n_rows : {1, 13, kTile}) {
          const Case c(d, masks, errors, 0.5, n_rows);
          const Results scalar(c, select_kernels("scalar"));
          for (const std::string& name : available_kernels()) {
            const Results other(c, select_kernels(name));
            INFO(name << ", d " << d);
            CHECK(same(other.q, scalar.q, n_rows));
            CHECK(same(other.log_det, scalar.log_det, n_rows));
            CHECK(same(other.means, scalar.means, n_rows));
            CHECK(same(other.covariances, scalar.covariances, n_rows));
            CHECK(same(other.s1, scalar.s1));
            CHECK(same(other.s2, scalar.s2));
            CHECK(same(other.s2_diagonal, scalar.s2_diagonal));
          }
        }
}

TEST_CASE("observed kernels: numbers stay numbers where a covariance is nearly singular", "[serial]") {
  for (const int d : {2, 5, 8, 9, 16, 20})
    for (const Masks masks : kMasks)
      for (const Errors errors : kErrors)
        for (const double nearness : {1e-12, 1e-16, 0.0}) {
          const Case c(d, masks, errors, nearness);
          const Results results(c, select_kernels());
          bool finite = true;
          for (const AlignedDoubles* numbers :
               {&results.q, &results.log_det, &results.means, &results.covariances, &results.s1, &results.s2})
            for (const double v : *numbers) finite = finite && std::isfinite(v);
          INFO("d " << d << ", nearness " << nearness);
          CHECK(finite);
          bool in_range = true;
          for (int r = 0; r < kTile; ++r) in_range = in_range && results.q[r] >= 0.0;
          for (int i = 0; i < d; ++i)
            for (int r = 0; r < kTile; ++r) {
              const double variance = results.covariances[(i * (i + 1) / 2 + i) * kTile + r];
              in_range = in_range && variance >= 0.0 && variance <= c.covariance[i * d + i] * (1.0 + 1e-12);
            }
          CHECK(in_range);
        }
}

TEST_CASE("observed kernels: complete rows without errors complete to themselves", "[serial]") {
  for (const int d : {1, 4, 7, 11, 16, 18}) {
    const Case c(d, Masks::all_observed, Errors::none, 0.5);
    const Results results(c, select_kernels());
    bool known = true;
    for (int i = 0; i < d; ++i)
      for (int r = 0; r < kTile; ++r) {
        const double x = c.x[i * kTile + r];
        known = known && std::abs(results.means[i * kTile + r] - x) <= 1e-14 * std::abs(x);
        for (int k = 0; k <= i; ++k)
          known = known && std::abs(results.covariances[(i * (i + 1) / 2 + k) * kTile + r]) <
                               1e-13 * std::sqrt(c.covariance[i * d + i] * c.covariance[k * d + k]);
      }
    INFO("d " << d);
    CHECK(known);
  }
}
