// Marginals and conditionals against the reference and against their definition.
#include "gmmpi/inference/conditional.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::Mixture;
using nlohmann::json;
using reference::flat;
using reference::Parameters;

const gmmpi::KernelTable& kernels() {
  return gmmpi::select_kernels();
}

Mixture model_of(const json& block) {
  return in_memory::make_model(
      block.at("covariance_type"),
      {flat(block.at("weights")), flat(block.at("means")), flat(block.at("covariances"))});
}

/// All covariances as (K, d, d).
std::vector<double> full_covariances(const Mixture& m) {
  std::vector<double> all;
  for (int k = 0; k < m.n_components; ++k) {
    const std::vector<double> one = gmmpi::full_covariance(m, k);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

void check_close(const std::vector<double>& actual, const std::vector<double>& expected, double relative,
                 double absolute = 0.0) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("entry " << i << ": " << actual[i] << ", expected " << expected[i]);
    CHECK(std::abs(actual[i] - expected[i]) <= absolute + relative * std::abs(expected[i]));
  }
}

double log_density(const Mixture& m, const std::vector<double>& x) {
  return static_cast<double>(textbook::Density(in_memory::to_textbook(m)).log_density(x));
}

/// A point with the given columns put in.
std::vector<double> joined(const std::vector<int>& a, const std::vector<double>& x_a,
                           const std::vector<int>& b, const std::vector<double>& x_b) {
  std::vector<double> x(a.size() + b.size());
  for (std::size_t i = 0; i < a.size(); ++i) x[a[i]] = x_a[i];
  for (std::size_t i = 0; i < b.size(); ++i) x[b[i]] = x_b[i];
  return x;
}

std::string complaint(const std::function<void()>& work, gmmpi::ExitCode code) {
  try {
    work();
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == code);
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("condition: the reference's conditional mixtures, also where all densities underflow", "[serial]") {
  int n_queries = 0;
  const json file = reference::load_json("conditional_mixture");
  for (const json& block : file.at("models")) {
    const Mixture m = model_of(block);
    for (const json& query : block.at("queries")) {
      INFO(block["source"] << " given " << query["given_indices"] << " = " << query["given_values"]);
      const auto given = query["given_indices"].get<std::vector<int>>();
      const auto [c, log_density_given] = gmmpi::condition(m, given, flat(query["given_values"]), kernels());
      CHECK(c.structure == m.structure);
      check_close({log_density_given}, flat(query["log_density_given"]), 1e-12);
      // A weight's relative error is the absolute error of its logarithm, the difference of large numbers.
      check_close(c.weights, flat(query["weights"]), 1e-13 * (10 + std::abs(log_density_given)), 1e-300);
      check_close(c.means, flat(query["means"]), 1e-12, 1e-12);
      check_close(full_covariances(c), flat(query["covariances"]), 1e-12, 1e-13);
      CHECK(log_density(c, flat(query["probe"])) ==
            Approx(query["log_density_probe"].get<double>()).epsilon(1e-11).margin(1e-12));
      CHECK(gmmpi::other_columns(given, m.n_features) == query["remaining_indices"].get<std::vector<int>>());
      ++n_queries;
    }
  }
  CHECK(n_queries > 25);
}

TEST_CASE("marginal: the reference's marginal mixtures", "[serial]") {
  const json file = reference::load_json("marginal_mixture");
  for (const json& block : file.at("models")) {
    INFO(block["source"]);
    const Mixture m = model_of(block);
    const Mixture sub = gmmpi::marginal(m, block["keep"].get<std::vector<int>>(), kernels());
    CHECK(sub.structure == m.structure);
    check_close(sub.weights, flat(block["marginal"]["weights"]), 0.0);
    check_close(sub.means, flat(block["marginal"]["means"]), 0.0);
    check_close(full_covariances(sub), flat(block["marginal"]["covariances"]), 0.0);
    CHECK(log_density(sub, flat(block["probe"])) ==
          Approx(block["log_density_probe"].get<double>()).epsilon(1e-13));
    CHECK(sub.log_det.size() == sub.weights.size());
  }
}

TEST_CASE("condition: p(x_a | x_b) p(x_b) = p(x), for every type and in any units", "[serial]") {
  const std::vector<double> correlated = {2,    0.5, -0.3, 0.1, 0.5, 1,   0.2, 0.0,
                                          -0.3, 0.2, 0.7,  0.4, 0.1, 0.0, 0.4, 1.5};
  for (const std::string& type : gmmpi::covariance_types())
    for (const std::vector<double>& unit : {std::vector<double>{1, 1, 1, 1}, {1e-12, 1, 1e12, 1e-3}}) {
      INFO(type << ", first unit " << unit[0]);
      if (type == "spherical" && unit[0] != 1.0) continue;  // one variance for all columns has one unit
      std::vector<double> covariances, means;
      for (int k = 0; k < 2; ++k)
        for (int e = 0; e < 16; ++e)
          covariances.push_back(correlated[e] * (e % 5 == 0 ? 1.0 + k : 1.0) * unit[e / 4] * unit[e % 4]);
      for (int e = 0; e < 8; ++e) means.push_back((0.3 * e - 1.0) * unit[e % 4]);
      const auto full = textbook::make_mixture("full", std::vector<double>{0.25, 0.75}, means, covariances);
      const Mixture m = in_memory::make_model(type, full);
      for (const std::vector<int>& b : {std::vector<int>{0}, {3, 1}, {2, 0, 3}}) {
        const std::vector<int> a = gmmpi::other_columns(b, 4);
        std::vector<double> x_a, x_b;
        for (const int j : a) x_a.push_back((0.4 + j) * unit[j]);
        for (const int j : b) x_b.push_back((0.7 - j) * unit[j]);
        const auto [c, log_density_given] = gmmpi::condition(m, b, x_b, kernels());
        CHECK(log_density(c, x_a) + log_density_given ==
              Approx(log_density(m, joined(a, x_a, b, x_b))).epsilon(1e-12));
        CHECK(log_density(gmmpi::marginal(m, b, kernels()), x_b) == Approx(log_density_given).epsilon(1e-13));
      }
    }
}

TEST_CASE("condition: Bernoulli components, by summing over all rows of zeros and ones", "[serial]") {
  const Mixture m = in_memory::make_model(
      "bernoulli", Parameters{{0.4, 0.6}, {0.1, 0.9, 0.5, 0.25, 0.8, 0.3, 0.0, 0.6}, {}});
  const auto probability = [&](const std::vector<int>& columns, const std::vector<double>& x) {
    double sum = 0.0;
    for (int k = 0; k < 2; ++k) {
      double product = m.weights[k];
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const double mu = m.means[k * 4 + columns[i]];
        product *= x[i] == 1.0 ? mu : 1.0 - mu;
      }
      sum += product;
    }
    return sum;
  };
  const std::vector<int> b{3, 0}, a{1, 2}, all{3, 0, 1, 2};
  for (const std::vector<double>& x_b : {std::vector<double>{0, 0}, {0, 1}, {1, 1}}) {
    const auto [c, log_density_given] = gmmpi::condition(m, b, x_b, kernels());
    CHECK(c.structure == m.structure);
    CHECK(log_density_given == Approx(std::log(probability(b, x_b))).epsilon(1e-13));
    for (const std::vector<double>& x_a : {std::vector<double>{0, 0}, {1, 0}, {1, 1}}) {
      double p = 0.0;
      for (int k = 0; k < 2; ++k) {
        const double* mu = c.means.data() + 2 * k;
        p += c.weights[k] * (x_a[0] == 1 ? mu[0] : 1 - mu[0]) * (x_a[1] == 1 ? mu[1] : 1 - mu[1]);
      }
      CHECK(p * probability(b, x_b) ==
            Approx(probability(all, {x_b[0], x_b[1], x_a[0], x_a[1]})).epsilon(1e-13));
    }
  }
  CHECK(gmmpi::marginal(m, b, kernels()).means == std::vector<double>{0.25, 0.1, 0.6, 0.8});
  CHECK(complaint(
            [&] {
              gmmpi::condition(m, b, std::vector<double>{0.5, 0}, kernels());
            },
            gmmpi::ExitCode::usage)
            .find("0 or 1") != std::string::npos);
}

TEST_CASE("marginal: the columns stand in the order asked for", "[serial]") {
  const Mixture m =
      in_memory::make_model("full", Parameters{{1.0}, {1, 2, 3}, {4, 1, 0.5, 1, 5, 0.25, 0.5, 0.25, 6}});
  const Mixture sub = gmmpi::marginal(m, std::vector<int>{2, 0}, kernels());
  CHECK(sub.means == std::vector<double>{3, 1});
  CHECK(sub.covariances == std::vector<double>{6, 0.5, 0.5, 4});
}

TEST_CASE("make_conditional: what is neither told nor given is integrated out", "[serial]") {
  const Mixture m =
      in_memory::make_model("full", Parameters{{1.0}, {1, 2, 3}, {4, 1, 0.5, 1, 5, 0.25, 0.5, 0.25, 6}});
  const std::vector<int> a{2}, b{0};
  const gmmpi::Conditional c = gmmpi::make_conditional(m, a, b, kernels());
  CHECK(c.slopes[0] == Approx(0.5 / 4).epsilon(1e-15));
  CHECK(c.rest.covariances[0] == Approx(6 - 0.25 / 4).epsilon(1e-15));
}

TEST_CASE("condition: columns that do not exist, repeat or leave nothing are named", "[serial]") {
  using Columns = std::vector<int>;
  const Mixture m = in_memory::make_model("diag", Parameters{{1.0}, {1, 2}, {1, 1}});
  const auto usage = gmmpi::ExitCode::usage;
  const auto given = [&](const Columns& b, const std::vector<double>& v) {
    return [&m, b, v] { gmmpi::condition(m, b, v, kernels()); };
  };
  CHECK(complaint(given({2}, {0.0}), usage).find("column 2 does not exist") != std::string::npos);
  CHECK(complaint(given({-1}, {0.0}), usage).find("column -1 does not exist") != std::string::npos);
  CHECK(complaint(given({0, 1}, {0.0, 0.0}), usage).find("all columns") != std::string::npos);
  CHECK(complaint(given({}, {}), usage).find("no column") != std::string::npos);
  CHECK(complaint(given({0}, {std::nan("")}), usage).find("not finite") != std::string::npos);
  CHECK(complaint(
            [&] {
              gmmpi::marginal(m, Columns{1, 1}, kernels());
            },
            usage)
            .find("twice") != std::string::npos);
  CHECK(complaint([&] { gmmpi::make_conditional(m, Columns{0}, Columns{0}, kernels()); }, usage)
            .find("twice") != std::string::npos);
}

TEST_CASE("condition: a covariance that is not positive definite is an error", "[serial]") {
  // Models that were read are sound; this one was not checked.
  const Mixture m =
      in_memory::make_model("full", Parameters{{0.5, 0.5}, {0, 0, 0, 0}, {1, 0, 0, 1, 1, 2, 2, 1}});
  const std::vector<int> first{0};
  const std::string message = complaint(
      [&] { gmmpi::condition(m, first, std::vector<double>{0.0}, kernels()); }, gmmpi::ExitCode::numerical);
  CHECK(message.find("conditional covariance of component 1") != std::string::npos);
}
