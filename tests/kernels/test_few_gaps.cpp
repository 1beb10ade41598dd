// The kernels of rows that lack few columns against those of any rows, and the same bits on every target.
// covers: src/model/few_gaps.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "model/rowwise_density.hpp"
#include "support/in_memory.hpp"

namespace {

using namespace gmmpi;

/// A component with correlated columns, prepared both ways, and a tile of rows of which row r lacks up to
/// `most` columns; other entries are NaN.
struct Case {
  int d, n_rows;
  Mixture mixture;
  AlignedDoubles xt, mask, gamma;
  std::vector<double> center;
  GapLists gaps;

  Case(int d_, int most, int n_rows_, double diagonal, const KernelTable& kernels)
      : d(d_), n_rows(n_rows_), xt(std::size_t(d) * kTile), mask(xt.size(), 1.0), gamma(kTile), gaps(d) {
    std::mt19937_64 generator(100 * d + most);
    std::normal_distribution<double> normal;
    mixture.structure = &find_structure("full");
    mixture.n_components = 1;
    mixture.n_features = d;
    mixture.weights = {1.0};
    std::vector<double> factor(std::size_t(d) * d);
    for (double& f : factor) f = normal(generator) / std::sqrt(d);
    for (int i = 0; i < d; ++i) {
      mixture.means.push_back(100.0 * normal(generator));
      center.push_back(mixture.means[i] + 0.5 * normal(generator));
      for (int j = 0; j < d; ++j) {
        double c = i == j ? diagonal : 0.0;
        for (int l = 0; l < d; ++l) c += factor[i * d + l] * factor[j * d + l];
        mixture.covariances.push_back(c);
      }
    }
    REQUIRE(factorise(mixture, kernels).empty());
    for (int r = 0; r < n_rows; ++r) {
      for (int j = 0; j < d; ++j) xt[j * kTile + r] = mixture.means[j] + 2.0 * normal(generator);
      for (int a = 0; a < (r * (most + 1)) / kTile; ++a) {
        const std::size_t place = generator() % d * kTile + r;
        xt[place] = std::nan("");
        mask[place] = 0.0;
      }
      gaps.set(r, xt.data() + r, kTile);
      gamma[r] = r % 7 == 3 ? 0.0 : 0.5 + 0.5 / (1 + r);
    }
  }
};

struct Results {
  AlignedDoubles q, log_det, s1, s2, s2_diagonal;

  explicit Results(const Case& c)
      : q(kTile),
        log_det(kTile),
        s1(std::size_t(c.d) * kRowLanes),
        s2(std::size_t(c.d) * (c.d + 1) / 2 * kRowLanes),
        s2_diagonal(s1.size()) {}
};

Results of_few_gaps(const Case& c, const KernelTable& kernels) {
  Results out(c);
  const FewGaps few(c.mixture);
  CHECK(few.takes(0));
  AlignedDoubles scratch(few_gaps_scratch(c.d)), again(out.s1.size());
  const FewGapsTask task = few.task(0, c.n_rows, c.xt.data(), c.gaps);
  kernels.few_gaps_density(task, scratch.data(), out.q.data(), out.log_det.data());
  for (int r = 0; r < c.n_rows; ++r) out.log_det[r] += few.log_det(0);
  kernels.add_few_gaps(task, scratch.data(),
                       {c.gamma.data(), c.center.data(), out.s1.data(), out.s2.data(), false});
  kernels.add_few_gaps(task, scratch.data(),
                       {c.gamma.data(), c.center.data(), again.data(), out.s2_diagonal.data(), true});
  CHECK(in_memory::same_bits(std::vector<double>(again.begin(), again.end()),
                             std::vector<double>(out.s1.begin(), out.s1.end())));
  return out;
}

Results of_any_gaps(const Case& c, const KernelTable& kernels) {
  Results out(c);
  AlignedDoubles scratch(observed_scratch(c.d)), again(out.s1.size()), xt = c.xt;
  for (double& x : xt) x = std::isnan(x) ? 0.0 : x;
  const ObservedRows rows{c.d, c.n_rows, xt.data(), c.mask.data(), nullptr};
  const double *mean = c.mixture.means.data(), *covariance = c.mixture.covariances.data();
  kernels.observed_density(rows, mean, covariance, scratch.data(), out.q.data(), out.log_det.data());
  kernels.add_completions(rows, mean, covariance, scratch.data(),
                          {c.gamma.data(), c.center.data(), out.s1.data(), out.s2.data(), false});
  kernels.add_completions(rows, mean, covariance, scratch.data(),
                          {c.gamma.data(), c.center.data(), again.data(), out.s2_diagonal.data(), true});
  return out;
}

double farthest(const AlignedDoubles& a, const AlignedDoubles& b, std::size_t n) {
  double most = 0.0;
  for (std::size_t e = 0; e < n; ++e) {
    const double apart = std::abs(a[e] - b[e]) / (1.0 + std::abs(b[e]));
    most = apart <= most ? most : apart;  // NaN is kept
  }
  return most;
}

}  // namespace

TEST_CASE("few_gaps: densities and sums agree with those of elimination", "[serial]") {
  for (const int d : {9, 12, 13, 16, 31, 40})
    for (const int n_rows : {1, 13, kTile}) {
      const Case c(d, std::min(kMostGaps, d / 2), n_rows, 0.5, select_kernels());
      const Results few = of_few_gaps(c, select_kernels()), any = of_any_gaps(c, select_kernels());
      INFO("d " << d << ", rows " << n_rows);
      CHECK(farthest(few.q, any.q, n_rows) < 1e-12);
      CHECK(farthest(few.log_det, any.log_det, n_rows) < 1e-12);
      CHECK(farthest(few.s1, any.s1, few.s1.size()) < 1e-12);
      CHECK(farthest(few.s2, any.s2, few.s2.size()) < 1e-12);
      CHECK(farthest(few.s2_diagonal, any.s2_diagonal, few.s1.size()) < 1e-12);
    }
}

TEST_CASE("few_gaps: all targets give the same bits", "[serial]") {
  const auto same = [](const AlignedDoubles& a, const AlignedDoubles& b, std::size_t n) {
    return std::memcmp(a.data(), b.data(), n * sizeof(double)) == 0;
  };
  for (const int d : {9, 16, 33})
    for (const int n_rows : {1, 13, kTile}) {
      const Case c(d, std::min(kMostGaps, d / 2), n_rows, 0.5, select_kernels());
      const Results scalar = of_few_gaps(c, select_kernels("scalar"));
      for (const std::string& name : available_kernels()) {
        const Results other = of_few_gaps(c, select_kernels(name));
        INFO(name << ", d " << d << ", rows " << n_rows);
        CHECK(same(other.q, scalar.q, n_rows));
        CHECK(same(other.log_det, scalar.log_det, n_rows));
        CHECK(same(other.s1, scalar.s1, scalar.s1.size()));
        CHECK(same(other.s2, scalar.s2, scalar.s2.size()));
        CHECK(same(other.s2_diagonal, scalar.s2_diagonal, scalar.s1.size()));
      }
    }
}

TEST_CASE("few_gaps: components whose columns are nearly dependent have no part in it", "[serial]") {
  const KernelTable& kernels = select_kernels();
  for (const double diagonal : {1e-1, 1e-9, 1e-12}) {
    Case c(10, 3, kTile, diagonal, kernels);
    for (int j = 0; j < c.d; ++j) {  // the last column becomes the first, but for its own variance
      c.mixture.covariances[9 * c.d + j] = c.mixture.covariances[j];
      c.mixture.covariances[j * c.d + 9] = c.mixture.covariances[j];
    }
    c.mixture.covariances[9 * c.d + 9] = c.mixture.covariances[0] + diagonal;
    REQUIRE(factorise(c.mixture, kernels).empty());
    CHECK(FewGaps(c.mixture).takes(0) == (diagonal > 1e-3));
  }
}

TEST_CASE("few_gaps: a row's numbers do not depend on the rows beside it, or on what else they lack",
          "[serial]") {
  const KernelTable& kernels = select_kernels();
  const int d = 16;
  const Case c(d, 8, kTile, 0.5, kernels);
  Mixture three = c.mixture;
  three.n_components = 3;
  three.weights = {0.25, 0.25, 0.5};
  for (int k = 1; k < 3; ++k) {
    for (int j = 0; j < d; ++j) three.means.push_back(c.mixture.means[j] + k);
    three.covariances.insert(three.covariances.end(), c.mixture.covariances.begin(),
                             c.mixture.covariances.end());
  }
  REQUIRE(factorise(three, kernels).empty());
  const RowwiseDensity density(three, kernels);
  std::vector<double> rows(std::size_t{kTile} * d);
  for (int r = 0; r < kTile; ++r)
    for (int j = 0; j < d; ++j) rows[r * d + j] = c.xt[j * kTile + r];
  const auto log_joint = [&](int first, int n) {
    Block block;
    block.n_rows = n;
    block.rows = static_cast<const double*>(rows.data() + first * d);
    block.rowwise = true;
    Tile tile(d, kernels);
    tile.load(block, 0);
    AlignedDoubles out(std::size_t{3} * kTile);
    density.log_joint(tile, out.data());
    return out;
  };
  for (int j = 0; j < d; ++j) rows[5 * d + j] = j < 11 ? std::nan("") : rows[5 * d + j];  // lacks too many
  const AlignedDoubles together = log_joint(0, kTile);
  for (const int r : {0, 5, 17, 40, 63}) {
    const AlignedDoubles alone = log_joint(r, 1);
    for (int k = 0; k < 3; ++k) CHECK(alone[k * kTile] == together[k * kTile + r]);
  }
}
