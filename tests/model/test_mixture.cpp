// Mixtures: precision factors against their definition, validation, change of structure.
// covers: src/model/factorise.cpp
// covers: src/model/layouts/matrices.cpp, src/model/layouts/matrix_algebra.cpp
// covers: src/model/layouts/single_variances.cpp, src/model/layouts/variances.cpp
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Mixture;
using in_memory::make_model;
using reference::Parameters;

const gmmpi::KernelTable& kernels() {
  return gmmpi::select_kernels();
}

/// Two components in three columns, of the given units; well conditioned.
Mixture example(const std::string& type, const std::vector<double>& unit = {1, 1, 1}) {
  const std::vector<double> correlated = {2, 0.5, -0.3, 0.5, 1, 0.2, -0.3, 0.2, 0.7};
  std::vector<double> covariances;
  for (int k = 0; k < 2; ++k)
    for (int e = 0; e < 9; ++e)
      covariances.push_back(correlated[e] * (e % 4 == 0 ? 1.0 + k : 1.0) * unit[e / 3] * unit[e % 3]);
  const auto full = textbook::make_mixture("full", std::vector<double>{0.25, 0.75},
                                           std::vector<double>(6, 0.0), covariances);
  return make_model(type, full);
}

/// Largest |(U^T Sigma U - I)_ij| of component k, in long double.
double identity_gap(const Mixture& m, int k) {
  const int d = m.n_features;
  const std::vector<double> sigma = gmmpi::full_covariance(m, k);
  std::vector<double> u(sigma.size());
  m.layout().factor_to_full(m.factor(k), d, u.data());
  long double worst = 0;
  for (int a = 0; a < d; ++a)
    for (int b = 0; b < d; ++b) {
      long double sum = a == b ? -1 : 0;
      for (int i = 0; i < d; ++i)
        for (int j = 0; j < d; ++j) sum += static_cast<long double>(u[i * d + a]) * sigma[i * d + j] * u[j * d + b];
      worst = std::max(worst, std::abs(sum));
    }
  return static_cast<double>(worst);
}

std::vector<int> bad_components(const std::string& type, const std::vector<double>& covariances, int K,
                                int d) {
  Mixture m;
  m.structure = &gmmpi::find_structure(type);
  m.n_components = K;
  m.n_features = d;
  m.weights.assign(K, 1.0 / K);
  m.means.assign(std::size_t(K) * d, 0.0);
  m.covariances = covariances;
  return gmmpi::factorise(m, kernels());
}

/// What validate says of a changed copy of a good model.
std::string complaint(Mixture m, const std::function<void(Mixture&)>& change) {
  change(m);
  try {
    gmmpi::validate(m, kernels(), "start.h5");
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::bad_data);
    CHECK(std::string(e.what()).starts_with("start.h5: "));
    return e.what();
  }
  return "none";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("factorise: U^T Sigma U is the identity and log_det its determinant, in any units", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types())
    for (const auto& unit : {std::vector<double>{1, 1, 1}, {1e-12, 1, 1e12}, {1e-75, 1e-70, 1e70}}) {
      INFO(type << ", first unit " << unit[0]);
      if (type == "spherical" && unit[0] != 1.0) continue;  // one variance for all columns has one unit
      const Mixture m = example(type, unit);
      const textbook::Density density(in_memory::to_textbook(m));
      for (int k = 0; k < 2; ++k) {
        CHECK(identity_gap(m, k) < 2e-15);
        const long double expected = -density.log_det()[k] / 2;
        CHECK(std::abs(m.log_det[k] - expected) < 1e-15 * (1 + std::abs(expected)) * 4);
      }
    }
}

TEST_CASE("factorise: a nearly singular covariance keeps what its condition leaves", "[serial]") {
  // Correlation 1 - 1e-10: condition 2e10, so U^T Sigma U may be off by some 1e10 eps = 4e-6 at worst; the
  // factor is backward stable, so far less is seen where Sigma itself is put to the test.
  const double r = 1.0 - 1e-10;
  const Mixture m = make_model("full", Parameters{{1.0}, {0, 0}, {1, r, r, 1}});
  CHECK(m.precisions_cholesky[3] == Approx(1.0 / std::sqrt(1 - r * r)).epsilon(1e-5));
  CHECK(identity_gap(m, 0) < 1e-5);
}

TEST_CASE("factorise: components that are not positive definite are named", "[serial]") {
  using Bad = std::vector<int>;
  const double nan = std::nan("");
  CHECK(bad_components("full", {1, 0, 0, 1, 1, 2, 2, 1}, 2, 2) == Bad{1});
  CHECK(bad_components("full", {1, 1, 1, 1, 1, 0, 0, 1}, 2, 2) == Bad{0});
  CHECK(bad_components("full", {0, 0, 0, 1, 1, 0, 0, -1}, 2, 2) == Bad{0, 1});
  CHECK(bad_components("full", {1, nan, nan, 1}, 1, 2) == Bad{0});
  CHECK(bad_components("full", {HUGE_VAL, 0, 0, 1}, 1, 2) == Bad{0});
  CHECK(bad_components("full", {1, 1 - 1e-16, 1 - 1e-16, 1}, 1, 2) == Bad{0});
  CHECK(bad_components("full", {1, 1 - 1e-13, 1 - 1e-13, 1}, 1, 2).empty());
  CHECK(bad_components("tied", {1, 2, 2, 1}, 3, 2) == Bad{0, 1, 2});
  CHECK(bad_components("tied", {2, 1, 1, 2}, 3, 2).empty());
  CHECK(bad_components("diag", {1, 1, 1, 0, -1, 1}, 3, 2) == Bad{1, 2});
  CHECK(bad_components("diag", {1e-320, 1, 1, nan}, 2, 2) == Bad{0, 1});
  CHECK(bad_components("spherical", {0, 1e-300, HUGE_VAL}, 3, 2) == Bad{0, 2});
}

TEST_CASE("factorise: units do not decide what is singular", "[serial]") {
  for (const double unit : {1e-100, 1e-12, 1.0, 1e12, 1e100}) {
    const double mixed = 1.0 * unit;
    INFO("unit " << unit);
    CHECK(bad_components("full", {unit * unit, 0.5 * mixed, 0.5 * mixed, 1}, 1, 2).empty());
    CHECK(bad_components("full", {unit * unit, mixed, mixed, 1}, 1, 2) == std::vector<int>{0});
  }
}

TEST_CASE("validate: a good model passes, its weights are normalised", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types())
    CHECK(complaint(example(type), [](Mixture&) {}) == "none");
  Mixture m = example("diag");
  m.weights = {0.25 + 1e-7, 0.75};
  gmmpi::validate(m, kernels(), "m");
  CHECK(m.weights[0] + m.weights[1] == Approx(1.0).epsilon(1e-15));
  CHECK(!m.precisions_cholesky.empty());
}

TEST_CASE("validate: what is wrong with a model is said", "[serial]") {
  const Mixture full = example("full");
  CHECK(contains(complaint(full, [](Mixture& m) { m.weights = {0.5, 0.6}; }), "sum to 1.1"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.weights = {-0.5, 1.5}; }), "negative"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.weights.push_back(0.0); }), "shapes"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.means.pop_back(); }), "shapes"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.covariances.resize(9); }), "shapes"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.means[3] = std::nan(""); }), "NaN"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.covariances[9] = HUGE_VAL; }), "infinite"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.covariances[10] += 1e-3; }),
                 "covariance 1 is not symmetric"));
  CHECK(complaint(full, [](Mixture& m) { m.covariances[10] += 1e-12; }) == "none");
  CHECK(contains(complaint(full, [](Mixture& m) { m.covariances[17] = -1.0; }),
                 "component 1 is not positive definite"));
  CHECK(contains(complaint(example("spherical"), [](Mixture& m) { m.covariances[0] = 0.0; }), "component 0"));
  CHECK(contains(complaint(full, [](Mixture& m) { m.n_components = 0; }), "no components"));
}

TEST_CASE("with_family: covariances are spread, taken, shared or averaged", "[serial]") {
  const Mixture full = example("full");
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const gmmpi::CovarianceStructure& structure = gmmpi::find_structure(type);
    const Mixture m = gmmpi::with_structure(full, structure, kernels());
    CHECK(m.structure == &structure);
    CHECK(m.weights == full.weights);
    CHECK(m.means == full.means);
    for (int k = 0; k < 2; ++k) {
      CHECK(identity_gap(m, k) < 2e-15);
      const std::vector<double> before = gmmpi::full_covariance(full, k),
                                after = gmmpi::full_covariance(m, k);
      const std::vector<double> other = gmmpi::full_covariance(full, 1 - k);
      for (int e = 0; e < 9; ++e) {
        double expected = before[e];
        if (type == "tied") expected = full.weights[k] * before[e] + full.weights[1 - k] * other[e];
        if (type == "diag" && e % 4 != 0) expected = 0.0;
        if (type == "spherical") expected = e % 4 == 0 ? (before[0] + before[4] + before[8]) / 3.0 : 0.0;
        CHECK(after[e] == Approx(expected).margin(1e-15));
      }
      // And back: the same density as a full model.
      const Mixture back = gmmpi::with_structure(m, gmmpi::find_structure("full"), kernels());
      CHECK(gmmpi::full_covariance(back, k) == after);
      CHECK(back.log_det[k] == Approx(m.log_det[k]).epsilon(1e-14));
    }
  }
}

TEST_CASE("Mixture: the number of parameters is the textbook's", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types())
    for (const int K : {1, 2, 7})
      for (const int d : {1, 2, 5, 64}) {
        Mixture m;
        m.structure = &gmmpi::find_structure(type);
        m.n_components = K;
        m.n_features = d;
        CHECK(m.n_parameters() == textbook::n_parameters(type, K, d));
      }
}

TEST_CASE("factorise: shared between ranks and threads, the same bits and the same singular components",
          "[mpi]") {
  const int d = 64, K = 120;  // enough to be shared
  Mixture m;
  m.structure = &gmmpi::find_structure("full");
  m.n_components = K;
  m.n_features = d;
  m.weights.assign(K, 1.0 / K);
  m.means.assign(std::size_t(K) * d, 0.0);
  for (int k = 0; k < K; ++k)
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j)
        m.covariances.push_back(i == j ? (k % 50 == 3 ? -1.0 : 2.0 + 0.01 * k) : 1.0 / (1 + i + j + k % 7));
  Mixture alone = m;
  const std::vector<int> expected = gmmpi::factorise(alone, kernels());
  REQUIRE(expected.size() >= 3);
  for (const int threads : {1, 3}) {
    Mixture shared = m;
    CHECK(gmmpi::factorise(shared, in_memory::on(test_world(), threads)) == expected);
    CHECK(in_memory::same_bits(shared.precisions_cholesky, alone.precisions_cholesky));
    CHECK(in_memory::same_bits(shared.log_det, alone.log_det));
  }
}
