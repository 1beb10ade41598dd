// Degenerate components: both rules, in every covariance type.
#include "gmmpi/inference/degeneracy.hpp"

#include <catch2/catch.hpp>

#include "support/in_memory.hpp"

namespace {

using gmmpi::degenerate_component;
using gmmpi::Mixture;

/// Two components in two columns.
Mixture two(const std::string& type, double weight, const std::vector<double>& covariances) {
  reference::Parameters p;
  p.weights = {1.0 - weight, weight};
  p.means = {0.0, 0.0, 5.0, 5.0};
  p.covariances = covariances;
  return in_memory::make_model(type, p);
}

std::string judge(const Mixture& mixture, gmmpi::Index n_rows,
                  const std::vector<double>& added = {0.0, 0.0}) {
  return degenerate_component(mixture, n_rows, added, *in_memory::alone().kernels);
}

}  // namespace

TEST_CASE("degenerate: fewer rows than the covariance needs", "[serial]") {
  const Mixture full = two("full", 0.1, {1, 0, 0, 1, 1, 0, 0, 1});
  CHECK(judge(full, 30) == "");
  CHECK(judge(full, 29) == "component 1 has 2.9 rows, fewer than 3");
  for (const char* type : {"diag", "spherical"}) {
    const Mixture m = two(
        type, 0.1, std::string(type) == "diag" ? std::vector<double>{1, 1, 1, 1} : std::vector<double>{1, 1});
    CHECK(judge(m, 20) == "");
    CHECK(judge(m, 19) == "component 1 has 1.9 rows, fewer than 2");
  }
  CHECK(judge(two("tied", 0.1, {1, 0, 0, 1}), 4) == "");
  CHECK(judge(two("tied", 0.1, {1, 0, 0, 1}), 3) ==
        "the shared covariance has 3 rows, fewer than the 4 it needs");
}

TEST_CASE("degenerate: a variance far below the pooled one, whatever the units", "[serial]") {
  const double share = gmmpi::kLeastVarianceShare;
  for (const double unit : {1.0, 1e-12, 1e9}) {
    const double other = 3.0 * unit, pooled = 0.8 * unit;  // of the first column, without component 1's part
    const auto diag = [&](double times) {
      return judge(two("diag", 0.2, {unit, other, times * share * pooled, other}), 1000);
    };
    CHECK(diag(1.01) == "");
    CHECK(diag(0.99) == "component 1 has a variance below 0.0001 of the pooled one");
    CHECK(judge(two("spherical", 0.2, {unit, 0.5 * share * unit}), 1000) != "");
    CHECK(judge(two("spherical", 0.2, {unit, 2.0 * share * unit}), 1000) == "");
  }
}

TEST_CASE("degenerate: the narrow direction may lie across the columns", "[serial]") {
  const auto along_diagonal = [](double variance) {  // 1 along (1, 1), `variance` across
    const double a = 0.5 * (1.0 + variance), b = 0.5 * (1.0 - variance);
    return judge(two("full", 0.2, {1, 0, 0, 1, a, b, b, a}), 1000);
  };
  CHECK(along_diagonal(1e-3) == "");
  CHECK(along_diagonal(1e-5) == "component 1 has a variance below 0.0001 of the pooled one");
}

TEST_CASE("degenerate: at the variance floor, whatever the covariance type", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const bool shared = type == "tied", matrix = shared || type == "full";
    const std::vector<double> unit =
        matrix ? std::vector<double>{1, 0, 0, 1} : std::vector<double>(type == "diag" ? 2 : 1, 1.0);
    std::vector<double> covariances = unit;
    if (!shared) covariances.insert(covariances.end(), unit.begin(), unit.end());
    Mixture m = two(type, 0.2, covariances);
    CHECK(judge(m, 1000) == "");
    m.floored = shared ? std::vector<int>{0, 1} : std::vector<int>{1};
    CHECK(judge(m, 1000) == std::string(shared ? "the shared covariance" : "component 1") +
                                " has no variance of its own in some direction");
  }
}

TEST_CASE("degenerate: a variance that is what was added, whatever the covariance type", "[serial]") {
  const std::vector<double> added = {1e-3, 1e-3};
  const auto judged = [&](const std::string& type, double variance) {
    std::vector<double> covariances =
        type == "spherical" ? std::vector<double>{variance} : std::vector<double>{variance, 1.0};
    if (type == "full" || type == "tied") covariances = {variance, 0.0, 0.0, 1.0};
    if (type != "tied") covariances.insert(covariances.end(), covariances.begin(), covariances.end());
    return judge(two(type, 0.2, covariances), 1000, added);
  };
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    CHECK(judged(type, 1.1e-3) == "");
    CHECK_THAT(judged(type, 1.001e-3), Catch::Contains("but what `reg_covar` added"));
  }
}

TEST_CASE("degenerate: the narrow direction is named by its columns", "[serial]") {
  const std::vector<std::string> names = {"height", "width"};
  Mixture m = two("full", 0.2, {1, 0, 0, 1, 1, 1 - 1e-6, 1 - 1e-6, 1});
  CHECK(gmmpi::narrow_direction(m, 1, std::vector<double>{1, 1}, names) == "0.71 height - 0.71 width");
  m = two("full", 0.2, {1, 0, 0, 1, 1, 0, 0, 1e-6});
  CHECK(gmmpi::narrow_direction(m, 1, std::vector<double>{1, 1}, names) == "width");
  CHECK(gmmpi::narrow_direction(m, 1, std::vector<double>{1, 1}) == "column 1");
}
