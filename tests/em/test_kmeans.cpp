// k-means as an engine: the reference's traces and centres, the mixture it leaves, the same bits on any
// layout.
// covers: src/em/engines/kmeans.cpp, src/em/engines/centers_loop.cpp
#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::FitResult;
using gmmpi::Init;
using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

FitOptions kmeans_options(const std::string& type, int n_components) {
  FitOptions options;
  options.engine = &gmmpi::find_engine("kmeans");
  options.structure = &gmmpi::find_structure(type);
  options.n_components = n_components;
  options.tol = 0.0;
  return options;
}

/// From given centres.
FitOptions from_centers(const std::string& type, const std::vector<double>& centers, int d) {
  const int K = static_cast<int>(centers.size()) / d;
  FitOptions options = kmeans_options(type, K);
  options.init = Init::model;
  options.start = in_memory::make_model(
      "spherical",
      reference::Parameters{std::vector<double>(K, 1.0 / K), centers, std::vector<double>(K, 1.0)});
  return options;
}

double worst_gap(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(actual[i] - expected[i]) / std::max(1e-3, std::abs(expected[i])));
  return worst;
}

void check_same(const FitResult& a, const FitResult& b) {
  CHECK(same_bits(a.traces["inertia"], b.traces["inertia"]));
  CHECK(same_bits(a.history, b.history));
  CHECK(same_bits(a.model.weights, b.model.weights));
  CHECK(same_bits(a.model.means, b.model.means));
  CHECK(same_bits(a.model.covariances, b.model.covariances));
  CHECK(a.n_iter == b.n_iter);
  CHECK(a.reseeds.size() == b.reseeds.size());
}

}  // namespace

TEST_CASE("kmeans: the reference's inertia traces and centres, on any ranks", "[mpi]") {
  const auto cases = reference::load_kmeans_cases();
  REQUIRE(cases.size() == 4);
  for (const auto& one : cases) {
    INFO(one.name);
    const auto rows = reference::load_data(one.data);
    const auto execution = on(test_world(), 2);
    const auto data = in_memory::make_data(execution, rows.values, rows.d());
    const FitResult result =
        in_memory::fit(execution, data, from_centers("diag", one.start_centers, rows.d()));
    CHECK(result.converged);
    CHECK(result.n_iter == one.n_iter);
    CHECK(worst_gap(result.traces["inertia"], one.inertia_trace) < 1e-13);
    CHECK(worst_gap(result.model.means, one.centers) < 1e-13);
    for (std::size_t k = 0; k < one.label_sizes.size(); ++k)
      CHECK(result.model.weights[k] ==
            Approx(double(one.label_sizes[k]) / double(rows.n_rows)).epsilon(1e-15));
  }
}

TEST_CASE("kmeans: the mixture is the most likely one of its clusters", "[serial]") {
  const auto rows = reference::load_data("iris");
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = kmeans_options(type, 3);
    options.reg_covar = 0.0;
    const auto data = in_memory::make_data(alone(), rows.values, rows.d());
    const FitResult result = in_memory::fit(alone(), data, options);
    // At the fixed point the centres are means, so a hard M-step of the labels gives the same model.
    std::vector<int> labels(rows.n_rows);
    for (std::int64_t n = 0; n < rows.n_rows; ++n) {
      double best = 1e300;
      for (int k = 0; k < 3; ++k) {
        double sum = 0.0;
        for (int j = 0; j < 4; ++j)
          sum += std::pow(rows.values[n * 4 + j] - result.model.means[k * 4 + j], 2);
        if (sum < best) best = sum, labels[n] = k;
      }
    }
    double trace = 0.0;  // of all scatters: the inertia, whatever the type
    const auto dense = [&](int k) { return gmmpi::full_covariance(result.model, k); };
    for (int k = 0; k < 3; ++k)
      for (int j = 0; j < 4; ++j) trace += dense(k)[j * 5] * result.model.weights[k] * double(rows.n_rows);
    CHECK(trace == Approx(result.traces["inertia"].back()).epsilon(1e-12));
    if (type != "full") continue;
    for (int k = 0; k < 3; ++k)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
          double sum = 0.0, count = 0.0;
          for (std::int64_t n = 0; n < rows.n_rows; ++n)
            if (labels[n] == k) {
              sum += (rows.values[n * 4 + i] - result.model.means[k * 4 + i]) *
                     (rows.values[n * 4 + j] - result.model.means[k * 4 + j]);
              count += 1.0;
            }
          CHECK(dense(k)[i * 4 + j] == Approx(sum / count).epsilon(1e-12));
        }
  }
}

TEST_CASE("kmeans: stopped early, the means are the centres and the scatter about them the inertia",
          "[serial]") {
  const auto rows = in_memory::clusters(800, 2, 3, 1.0, 12);
  FitOptions options = from_centers("diag", {0, 0, 3, 3, -5, 2}, 2);
  options.reg_covar = 0.0;
  for (options.max_iter = 0; options.max_iter < 3; ++options.max_iter) {
    const auto data = in_memory::make_data(alone(), rows, 2);
    const FitResult result = in_memory::fit(alone(), data, options);
    CHECK(!result.converged);
    if (options.max_iter == 0) CHECK(same_bits(result.model.means, options.start->means));
    double scatter = 0.0;
    for (int k = 0; k < 3; ++k)
      for (int j = 0; j < 2; ++j)
        scatter += 800 * result.model.weights[k] * result.model.covariances[2 * k + j];
    CHECK(scatter == Approx(result.traces["inertia"].back()).epsilon(1e-13));
    CHECK(result.traces["inertia"].back() == in_memory::inertia(alone(), data, result.model.means));
  }
}

TEST_CASE("kmeans: the same bits on any layout, from every start, weighted", "[mpi]") {
  const auto rows = in_memory::clusters(5000, 3, 6, 1.0, 21);
  std::vector<double> weights;
  for (int n = 0; n < 5000; ++n) weights.push_back(n % 7 == 3 ? 0.0 : 0.25 * (1 + n % 13));
  for (const Init init : {Init::kmeans, Init::kmeans_plusplus, Init::random, Init::random_from_data}) {
    FitOptions options = kmeans_options("full", 6);
    options.init = init;
    options.n_init = 2;
    options.max_iter = 12;
    const auto whole = in_memory::make_data(alone(), rows, 3, weights);
    const FitResult expected = in_memory::fit(alone(), whole, options);
    CHECK(expected.traces["inertia"].back() == in_memory::inertia(alone(), whole, expected.model.means));
    for (const int n_threads : {1, 3}) {
      const auto execution = on(test_world(), n_threads);
      const auto data = in_memory::make_data(execution, rows, 3, weights);
      check_same(expected, in_memory::fit(execution, data, options));
    }
    for (const std::string& kernels : gmmpi::available_kernels())
      check_same(expected, in_memory::fit(on(gmmpi::Communicator::single(), 2, kernels), whole, options));
  }
}

TEST_CASE("kmeans: the restart of least inertia is kept", "[serial]") {
  const auto rows = in_memory::clusters(600, 2, 8, 3.0, 4);
  const auto data = in_memory::make_data(alone(), rows, 2);
  FitOptions options = kmeans_options("full", 8);
  options.init = Init::random_from_data;
  options.n_init = 6;
  const FitResult best = in_memory::fit(alone(), data, options);
  double least = 1e300, most = 0.0;
  options.n_init = 1;
  for (options.seed = 0; options.seed < 6; ++options.seed) {
    const double inertia = in_memory::fit(alone(), data, options).traces["inertia"].back();
    least = std::min(least, inertia);
    most = std::max(most, inertia);
  }
  CHECK(best.traces["inertia"].back() == least);
  CHECK(least < 0.99 * most);
}

TEST_CASE("kmeans: it stops when the inertia changes by less than the tolerance, relatively", "[serial]") {
  const auto rows = in_memory::clusters(4000, 2, 1, 0.0, 6);
  FitOptions options = kmeans_options("spherical", 7);
  options.init = Init::random_from_data;
  options.tol = 1e-3;
  const FitResult result = in_memory::fit(alone(), in_memory::make_data(alone(), rows, 2), options);
  const auto& inertia = result.traces["inertia"];
  REQUIRE(inertia.size() == std::size_t(result.n_iter) + 1);
  CHECK(result.converged);
  for (std::size_t i = 1; i < inertia.size(); ++i) {
    const double fall = 1.0 - inertia[i] / inertia[i - 1];
    CHECK(fall >= 0.0);
    CHECK((fall < 1e-3) == (i + 1 == inertia.size()));
  }
}

TEST_CASE("kmeans: a centre without rows moves to the farthest row, or the fit fails", "[mpi]") {
  std::vector<double> rows;
  for (int n = 0; n < 200; ++n) rows.insert(rows.end(), {n % 2 ? 10.0 : 0.0, 0.01 * n});
  rows.insert(rows.end(), {-50.0, 0.0});
  FitOptions options = from_centers("diag", {0, 1, 10, 1, 1000, 1000}, 2);
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows, 2);
  const FitResult result = in_memory::fit(execution, data, options);
  REQUIRE(result.reseeds.size() == 1);
  CHECK(result.reseeds[0].component == 2);
  CHECK(result.reseeds[0].row == 200);
  CHECK(result.reseeds[0].iteration == 1);
  CHECK(result.model.means[4] == -50.0);
  CHECK(result.converged);
  options.fail_on_collapse = true;
  CHECK_THROWS_AS(in_memory::fit(execution, data, options), gmmpi::Error);
}

TEST_CASE("kmeans: an offset of 1e9 costs no accuracy", "[serial]") {
  auto rows = in_memory::clusters(1000, 3, 4, 3.0, 9);
  for (double& x : rows) x = std::ldexp(std::round(std::ldexp(x, 10)), -10);  // exact with the offset
  const std::vector<double> start(rows.begin(), rows.begin() + 12);
  auto far = rows;
  for (double& x : far) x += 1e9;
  const std::vector<double> far_start(far.begin(), far.begin() + 12);
  const FitResult near =
      in_memory::fit(alone(), in_memory::make_data(alone(), rows, 3), from_centers("full", start, 3));
  const FitResult offset =
      in_memory::fit(alone(), in_memory::make_data(alone(), far, 3), from_centers("full", far_start, 3));
  CHECK(worst_gap(offset.traces["inertia"], near.traces["inertia"]) < 1e-7);  // centres are rounded at 1e9
  CHECK(worst_gap(offset.model.covariances, near.model.covariances) < 1e-6);
}
