// Local coordinates: there and back, their metric against the divergence, and what units do not change.
#include "model/local_coordinates.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "kernels/table.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::LocalCoordinates;
using gmmpi::Mixture;
using in_memory::alone;
using textbook::Real;

constexpr int K = 3, d = 4;

const gmmpi::KernelTable& kernels() {
  return gmmpi::select_kernels();
}

std::vector<std::string> all_structures() {
  std::vector<std::string> structures = gmmpi::covariance_types();
  structures.push_back("bernoulli");
  return structures;
}

Mixture binary_example(unsigned seed) {
  std::mt19937_64 generator(seed);
  Mixture m;
  in_memory::set_kind(m, "bernoulli");
  m.n_components = K;
  m.n_features = d;
  m.weights = {0.5, 0.2, 0.3};
  for (int e = 0; e < K * d; ++e)
    m.means.push_back(std::uniform_real_distribution<double>(0.3, 0.7)(generator));
  gmmpi::factorise(m, kernels());
  return m;
}

/// A correlated mixture of that type; the columns are measured in these units.
Mixture example(const std::string& type, unsigned seed, const std::vector<double>& unit = {1, 1, 1, 1}) {
  if (type == "bernoulli") return binary_example(seed);
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> weights, means, covariances;
  for (int k = 0; k < K; ++k) {
    weights.push_back((1.0 + k) / 6.0);
    std::vector<double> a(d * d);
    for (double& e : a) e = normal(generator);
    for (int i = 0; i < d; ++i) {
      means.push_back(normal(generator) * unit[i]);
      for (int j = 0; j < d; ++j) {
        double sum = i == j ? 0.5 : 0.0;
        for (int l = 0; l < d; ++l) sum += a[i * d + l] * a[j * d + l];
        covariances.push_back(sum * unit[i] * unit[j]);
      }
    }
  }
  return in_memory::make_model(type, textbook::make_mixture("full", weights, means, covariances));
}

std::vector<double> random_step(std::size_t size, double length, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> x(size);
  for (double& e : x) e = length * normal(generator);
  return x;
}

Mixture factorised(Mixture m) {
  REQUIRE(gmmpi::factorise(m, kernels()).empty());
  return m;
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0.0;
  for (std::size_t e = 0; e < a.size(); ++e) gap = std::max(gap, std::abs(a[e] - b[e]));
  return gap;
}

/// Columns of a matrix A with A A^T = covariance of component k.
std::vector<std::vector<Real>> root(const textbook::Mixture& m, int k) {
  std::vector<std::vector<Real>> columns(d, std::vector<Real>(d, 0));
  for (int j = 0; j < d; ++j)
    for (int i = j; i < d; ++i) {
      Real sum = m.covariance(k, i, j);
      for (int l = 0; l < j; ++l) sum -= columns[l][i] * columns[l][j];
      columns[j][i] = i == j ? std::sqrt(sum) : sum / columns[j][j];
    }
  return columns;
}

Real binary_divergence(const Mixture& p, const Mixture& q) {
  Real total = 0;
  for (int k = 0; k < K; ++k) {
    Real one = std::log(Real(p.weights[k]) / q.weights[k]);
    for (int j = 0; j < d; ++j) {
      const Real a = p.means[k * d + j], b = q.means[k * d + j];
      one += a * std::log(a / b) + (1 - a) * std::log((1 - a) / (1 - b));
    }
    total += p.weights[k] * one;
  }
  return total;
}

/// Kullback-Leibler divergence of q from p, as distributions of rows and their components.
Real divergence(const Mixture& p_, const Mixture& q_) {
  if (p_.kind().name() == "bernoulli") return binary_divergence(p_, q_);
  const textbook::Mixture p = in_memory::to_textbook(p_), q = in_memory::to_textbook(q_);
  Real total = 0;
  for (int k = 0; k < K; ++k) {
    const auto columns = root(p, k), other = root(q, k);
    const auto mahalanobis = [&](std::vector<Real> x) {  // under q, by forward substitution
      Real sum = 0;
      for (int i = 0; i < d; ++i) {
        for (int l = 0; l < i; ++l) x[i] -= other[l][i] * x[l];
        x[i] /= other[i][i];
        sum += x[i] * x[i];
      }
      return sum;
    };
    std::vector<Real> shift(d);
    for (int i = 0; i < d; ++i) shift[i] = p.mean(k, i) - q.mean(k, i);
    Real normals = mahalanobis(shift) - d;
    for (int j = 0; j < d; ++j) {
      normals += mahalanobis(columns[j]);
      normals += 2 * (std::log(other[j][j]) - std::log(columns[j][j]));
    }
    total += p.weights[k] * (std::log(p.weights[k] / q.weights[k]) + normals / 2);
  }
  return total;
}

}  // namespace

TEST_CASE("local coordinates: the origin is 0, and other mixtures come back", "[serial]") {
  for (const std::string& type : all_structures()) {
    INFO(type);
    const Mixture origin = example(type, 1), other = example(type, 2);
    const LocalCoordinates here(origin, alone());
    for (const double x : here.of(origin)) CHECK(std::abs(x) < 1e-14);
    const Mixture back = factorised(here.at(here.of(other)));
    CHECK(largest_gap(back.weights, other.weights) < 1e-14);
    CHECK(largest_gap(back.means, other.means) < 1e-13);
    CHECK(largest_gap(back.covariances, other.covariances) < 1e-12);
  }
}

TEST_CASE("local coordinates: every vector is a proper mixture", "[serial]") {
  for (const std::string& type : all_structures()) {
    INFO(type);
    const LocalCoordinates here(example(type, 3), alone());
    const std::size_t size = here.of(example(type, 3)).size();
    for (unsigned seed = 0; seed < 20; ++seed) {
      const std::vector<double> x = random_step(size, 1.5, seed);
      Mixture m = here.at(x);
      CHECK_NOTHROW(gmmpi::validate(m, kernels(), "it"));
      if (type == "bernoulli") continue;  // such large steps are cut off before 0 and 1
      // Log weights are determined up to a constant: compare what inner() sees of them.
      std::vector<double> gap = here.of(m);
      for (std::size_t e = 0; e < gap.size(); ++e) gap[e] -= x[e];
      CHECK(here.inner(gap, gap) < 1e-18);
    }
  }
}

TEST_CASE("local coordinates: half the squared length is the divergence, to second order", "[serial]") {
  for (const std::string& type : all_structures()) {
    INFO(type);
    const Mixture origin = example(type, 4);
    const LocalCoordinates here(origin, alone());
    const std::vector<double> x = random_step(here.of(origin).size(), 1e-4, 7);
    const auto expected = static_cast<double>(divergence(origin, factorised(here.at(x))));
    CHECK(here.inner(x, x) / 2 == Approx(expected).epsilon(2e-3));
    const std::vector<double> y = random_step(x.size(), 1e-4, 8);
    std::vector<double> sum = x;
    for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += y[e];
    CHECK(2 * here.inner(x, y) ==
          Approx(here.inner(sum, sum) - here.inner(x, x) - here.inner(y, y)).margin(1e-20));
  }
}

TEST_CASE("local coordinates: the width is that of the component that changes most", "[serial]") {
  const Mixture origin = example("diag", 5);
  const LocalCoordinates here(origin, alone());
  Mixture moved = origin;
  moved.means[1] += 3.0 * std::sqrt(moved.covariances[1]);          // component 0 by three deviations
  moved.means[2 * d] += 0.5 * std::sqrt(moved.covariances[2 * d]);  // component 2 by half of one
  CHECK(here.width(here.of(moved)) == Approx(3.0).epsilon(1e-14));
}

TEST_CASE("local coordinates: probabilities of 0 and 1 stay, others do not reach them", "[serial]") {
  Mixture origin = binary_example(8);
  origin.means[0] = 0.0;
  origin.means[1] = 1.0;
  origin.means[2] = 1e-6;
  const LocalCoordinates here(origin, alone());
  std::vector<double> x(K * (1 + d), 0.3);
  x[3] = -0.3;
  const Mixture m = here.at(x);
  CHECK(m.means[0] == 0.0);
  CHECK(m.means[1] == 1.0);
  CHECK(m.means[2] == Approx(0.25e-6).epsilon(1e-14));
  x.assign(x.size(), 100.0);
  const Mixture far = here.at(x);
  for (std::size_t e = 2; e < far.means.size(); ++e) {
    CHECK(far.means[e] > origin.means[e]);
    CHECK(far.means[e] < 1.0);
  }
}

TEST_CASE("local coordinates: the units of the columns change nothing", "[serial]") {
  const std::vector<double> unit = {0x1p40, 1, 0x1p-33, 0x1p7};
  for (const std::string& type : gmmpi::covariance_types()) {
    if (type == "spherical") continue;  // one variance for all columns knows one unit only
    INFO(type);
    const std::vector<double> plain = LocalCoordinates(example(type, 6), alone()).of(example(type, 7));
    CHECK(in_memory::same_bits(plain,
                               LocalCoordinates(example(type, 6, unit), alone()).of(example(type, 7, unit))));
  }
}

TEST_CASE("local coordinates: threads change no bit", "[serial]") {
  constexpr int n_columns = 70;  // enough for several threads to be used
  std::mt19937_64 generator(9);
  std::normal_distribution<double> normal;
  const auto random_mixture = [&] {
    std::vector<double> a(n_columns * n_columns), covariances, means(K * n_columns);
    for (double& e : means) e = normal(generator);
    for (int k = 0; k < K; ++k) {
      for (double& e : a) e = normal(generator);
      for (int i = 0; i < n_columns; ++i)
        for (int j = 0; j < n_columns; ++j) {
          double sum = i == j ? 1.0 : 0.0;
          for (int l = 0; l < n_columns; ++l) sum += a[i * n_columns + l] * a[j * n_columns + l];
          covariances.push_back(sum);
        }
    }
    return in_memory::make_model("full", reference::Parameters{{0.2, 0.3, 0.5}, means, covariances});
  };
  const Mixture origin = random_mixture(), other = random_mixture();
  const LocalCoordinates here(origin, alone());
  const LocalCoordinates threaded(origin, in_memory::on(gmmpi::Communicator::single(), 3));
  const std::vector<double> x = here.of(other);
  CHECK(in_memory::same_bits(x, threaded.of(other)));
  CHECK(in_memory::same_bits(here.at(x).covariances, threaded.at(x).covariances));
  CHECK(largest_gap(here.at(x).covariances, other.covariances) < 1e-9);
}
