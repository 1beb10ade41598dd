// Stepwise EM: its moments, its order, its steps against a textbook's, how near it comes, the same bits
// anywhere.
// covers: src/em/engines/stepwise.cpp, src/em/batches.cpp, src/em/running_moments.cpp
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "data/batch_data.hpp"
#include "em/batches.hpp"
#include "em/m_step.hpp"
#include "em/running_moments.hpp"
#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/em/engine_options.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::FitResult;
using gmmpi::Init;
using gmmpi::Moments;
using gmmpi::StepwiseOptions;
using in_memory::alone;
using in_memory::on;
using in_memory::same_bits;

FitOptions stepwise_options(const std::string& type, int n_components) {
  FitOptions options;
  options.engine = &gmmpi::find_engine("stepwise");
  options.structure = &gmmpi::find_structure(type);
  options.n_components = n_components;
  options.max_iter = 3;
  options.tol = 0.0;
  return options;
}

void check_same(const FitResult& a, const FitResult& b) {
  CHECK(same_bits(a.traces["running_log_likelihood"], b.traces["running_log_likelihood"]));
  CHECK(same_bits(a.history, b.history));
  CHECK(same_bits(a.model.weights, b.model.weights));
  CHECK(same_bits(a.model.means, b.model.means));
  CHECK(same_bits(a.model.covariances, b.model.covariances));
}

gmmpi::Mixture model_of(const std::string& type) {
  const std::vector<double> full{2.0, 0.5, 0.5, 1.0, 1.5, -0.25, -0.25, 3.0};
  const reference::Parameters p{{0.25, 0.75}, {1.0, -2.0, 4.0, 0.5}, full};
  return gmmpi::with_structure(in_memory::make_model("full", p), gmmpi::find_structure(type),
                               gmmpi::select_kernels());
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::abs(a[i] - b[i]));
  return gap;
}

}  // namespace

TEST_CASE("stepwise: the M-step of a model's moments is the model, about any centres", "[serial]") {
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const gmmpi::Mixture model = model_of(type);
    const Moments moments = gmmpi::moments_of(model);
    for (const std::vector<double>& centers :
         {model.means, std::vector<double>{0.5, -1.0, 5.0, 1.0}, std::vector<double>{3.0, 0.0, 3.0, 0.0}}) {
      const Moments moved = gmmpi::recentred(moments, centers);
      CHECK(moved.centers == centers);
      const gmmpi::MStep step = gmmpi::m_step(alone(), moved, *model.structure, gmmpi::Regularisation());
      CHECK(largest_gap(step.model.weights, model.weights) < 1e-14);
      CHECK(largest_gap(step.model.means, model.means) < 1e-14);
      CHECK(largest_gap(step.model.covariances, model.covariances) < 1e-13);
    }
  }
}

TEST_CASE("stepwise: every pass takes each batch once, in an order of its own", "[serial]") {
  std::set<std::vector<int>> orders;
  for (int pass = 0; pass < 20; ++pass) {
    std::vector<int> order = gmmpi::batch_order(5, pass, 10);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (int i = 0; i < 10; ++i) CHECK(order[i] == i);
  }
  CHECK(orders.size() == 20);
  CHECK(gmmpi::batch_order(5, 3, 10) == gmmpi::batch_order(5, 3, 10));
  CHECK(gmmpi::batch_order(6, 3, 10) != gmmpi::batch_order(5, 3, 10));
}

TEST_CASE("stepwise: its mini-batches step as Cappe and Moulines do", "[mpi]") {
  // One column, two components of free variance: raw moments in long double, batch by batch.
  const auto rows = in_memory::clusters(1000, 1, 2, 2.0, 31);
  const reference::Parameters start{{0.4, 0.6}, {-1.0, 1.5}, {1.0, 2.0}};
  FitOptions options = stepwise_options("diag", 2);
  options.init = Init::model;
  options.start = in_memory::make_model("diag", start);
  options.reg_covar = 0.25;  // added by the M-step, never to the running moments
  options.max_iter = 2;
  options.seed = 9;
  const bool power = GENERATE(true, false);
  StepwiseOptions own{.n_batches = 5};
  if (power) own.step_exponent = 0.7;
  options.engine_options = own;
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, rows, 1);
  const FitResult result = in_memory::fit(execution, data, options);

  using Real = long double;
  Real pi[2] = {0.4L, 0.6L}, mu[2] = {-1.0L, 1.5L}, v[2] = {1.0L, 2.0L}, s[2][3];
  for (int k = 0; k < 2; ++k)
    s[k][0] = pi[k], s[k][1] = pi[k] * mu[k], s[k][2] = pi[k] * (v[k] + mu[k] * mu[k]);
  int t = 0;
  for (int pass = 0; pass < 2; ++pass) {
    Real running = 0.0L;
    for (const int batch : gmmpi::batch_order(9, pass, 5)) {
      Real seen[2][3] = {}, count = 0.0L;
      for (std::int64_t n = 0; n < 1000; ++n) {
        if (n / data.grid().block_rows() % 5 != batch) continue;
        Real joint[2], sum = 0.0L;
        for (int k = 0; k < 2; ++k)
          sum += joint[k] = pi[k] / std::sqrt(2.0L * 3.14159265358979323846L * v[k]) *
                            std::exp(-(rows[n] - mu[k]) * (rows[n] - mu[k]) / (2.0L * v[k]));
        running += std::log(sum);
        count += 1.0L;
        for (int k = 0; k < 2; ++k)
          for (int power = 0; power < 3; ++power)
            seen[k][power] += joint[k] / sum * std::pow(Real(rows[n]), power);
      }
      ++t;  // without an exponent: 1/2, and in the last pass 1/3, 1/4, ...
      const Real step = power ? std::pow(Real(t + 2), -0.7L) : pass == 0 ? 0.5L : 1.0L / (t - 5 + 2);
      Real total = 0.0L;
      for (int k = 0; k < 2; ++k) {
        for (int power = 0; power < 3; ++power) s[k][power] += step * (seen[k][power] / count - s[k][power]);
        total += s[k][0];
      }
      for (int k = 0; k < 2; ++k) {
        pi[k] = s[k][0] / total;
        mu[k] = s[k][1] / s[k][0];
        v[k] = s[k][2] / s[k][0] - mu[k] * mu[k] + 0.25L;
      }
    }
    CHECK(result.traces["running_log_likelihood"][pass] == Approx(double(running)).epsilon(1e-12));
  }
  for (int k = 0; k < 2; ++k) {
    CHECK(result.model.weights[k] == Approx(double(pi[k])).epsilon(1e-12));
    CHECK(result.model.means[k] == Approx(double(mu[k])).epsilon(1e-11));
    CHECK(result.model.covariances[k] == Approx(double(v[k])).epsilon(1e-11));
  }
}

TEST_CASE("stepwise: three passes come within 0.1% of EM's log-likelihood", "[serial]") {
  const auto rows = in_memory::clusters(20'000, 8, 8, 1.0, 17);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = stepwise_options(type, 8);
    const auto data = in_memory::make_data(alone(), rows, 8);
    const double stepwise = in_memory::fit(alone(), data, options).log_likelihood();
    options.engine = &gmmpi::find_engine("em");
    options.max_iter = 200;
    options.tol = 1e-7;
    const double em = in_memory::fit(alone(), data, options).log_likelihood();
    CHECK(stepwise > em - 1e-3 * std::abs(em));
    options.max_iter = 0;  // it had something to do
    options.init = Init::random_from_data;
    CHECK(in_memory::fit(alone(), data, options).log_likelihood() < em - 1e-2 * std::abs(em));
  }
}

TEST_CASE("stepwise: three passes from random rows, too, where rows are many", "[serial]") {
  const auto rows = in_memory::clusters(60'000, 3, 3, 3.0, 29);
  const auto data = in_memory::make_data(alone(), rows, 3);
  for (const int seed : {0, 1, 2}) {
    FitOptions options = stepwise_options("full", 3);
    options.init = Init::random_from_data;
    options.seed = seed;
    const double stepwise = in_memory::fit(alone(), data, options).log_likelihood();
    options.engine_options = StepwiseOptions{.step_exponent = 0.7};
    const double power = in_memory::fit(alone(), data, options).log_likelihood();
    options.engine = &gmmpi::find_engine("em");
    options.engine_options = {};
    options.max_iter = 300;
    options.tol = 1e-6;
    const double em = in_memory::fit(alone(), data, options).log_likelihood();
    CHECK(stepwise > em - 1e-4 * std::abs(em));
    CHECK(power < em - 1e-3 * std::abs(em));
  }
}

TEST_CASE("stepwise: long steps do not spoil a good start where rows are few", "[serial]") {
  const auto rows = in_memory::clusters(4'000, 8, 8, 1.5, 17);  // 11 for each parameter
  FitOptions options = stepwise_options("full", 8);
  const auto data = in_memory::make_data(alone(), rows, 8);
  const double stepwise = in_memory::fit(alone(), data, options).log_likelihood();
  options.engine = &gmmpi::find_engine("em");
  options.max_iter = 200;
  CHECK(stepwise > in_memory::fit(alone(), data, options).log_likelihood() * (1 + 2e-3));
}

TEST_CASE("stepwise: an offset of 1e6 costs no accuracy", "[serial]") {
  auto rows = in_memory::clusters(3000, 3, 3, 1.5, 19);
  for (double& x : rows) x = std::ldexp(std::round(std::ldexp(x, 20)), -20);  // exact with the offset
  auto far = rows;
  for (double& x : far) x += 1e6;
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = stepwise_options(type, 3);
    options.init = Init::random_from_data;
    const FitResult near = in_memory::fit(alone(), in_memory::make_data(alone(), rows, 3), options);
    const FitResult offset = in_memory::fit(alone(), in_memory::make_data(alone(), far, 3), options);
    CHECK(offset.log_likelihood() == Approx(near.log_likelihood()).epsilon(1e-9));
    CHECK(largest_gap(offset.model.covariances, near.model.covariances) < 1e-7);
  }
}

TEST_CASE("stepwise: the same bits on any layout, streamed too, weighted", "[mpi]") {
  const auto rows = in_memory::clusters(5000, 3, 4, 1.0, 23);
  std::vector<double> weights;
  for (int n = 0; n < 5000; ++n) weights.push_back(n % 7 == 3 || n < 128 ? 0.0 : 0.25 * (1 + n % 13));
  for (const std::string& type : gmmpi::covariance_types())
    for (const int n_batches : {1, 7, 1000}) {
      INFO(type << ", " << n_batches << " batches");
      FitOptions options = stepwise_options(type, 4);
      options.init = Init::kmeans_plusplus;
      options.n_init = 2;
      options.engine_options = StepwiseOptions{.n_batches = n_batches};
      options.max_iter = 2;
      const FitResult expected =
          in_memory::fit(alone(), in_memory::make_data(alone(), rows, 3, weights), options);
      REQUIRE(in_memory::all_finite(expected));
      for (const int n_threads : {1, 3}) {
        const auto execution = on(test_world(), n_threads);
        check_same(expected,
                   in_memory::fit(execution, in_memory::make_data(execution, rows, 3, weights), options));
        in_memory::VectorReader reader(rows, 3), column(weights, 1);
        const gmmpi::StreamData streamed(
            execution, reader, &column,
            3 * gmmpi::StreamData::least_bytes(gmmpi::BlockGrid(5000), {3, gmmpi::ElementType::f8}));
        check_same(expected, in_memory::fit(execution, streamed, options));
      }
    }
}

TEST_CASE("stepwise: it stops when the running log-likelihood changes by less than the tolerance",
          "[serial]") {
  const auto rows = in_memory::clusters(4000, 2, 3, 4.0, 3);
  FitOptions options = stepwise_options("full", 3);
  options.tol = 1e-3;
  options.max_iter = 50;
  for (const bool power : {true, false}) {
    options.engine_options = StepwiseOptions();
    if (power) options.engine_options = StepwiseOptions{.step_exponent = 0.7};
    const FitResult result = in_memory::fit(alone(), in_memory::make_data(alone(), rows, 2), options);
    const auto& running = result.traces["running_log_likelihood"];
    REQUIRE(int(running.size()) == result.n_iter);
    CHECK(result.converged);
    CHECK(result.n_iter < 50);
    // Without an exponent one more pass, the one that averages.
    const std::size_t last = running.size() - (power ? 1 : 2);
    for (std::size_t i = 1; i <= last; ++i)
      CHECK((std::abs(running[i] - running[i - 1]) < 4.0) == (i == last));
  }
}

TEST_CASE("stepwise: a component that collapses is put elsewhere, or the fit fails", "[mpi]") {
  const auto rows = in_memory::clusters(1000, 2, 2, 3.0, 5);
  FitOptions options = stepwise_options("full", 3);
  options.init = Init::model;
  options.reg_covar = 0.0;
  options.engine_options = StepwiseOptions{16, 0.501};
  options.max_iter = 20;
  // Far from all rows: its weight fades with every batch.
  options.start =
      in_memory::make_model("full", reference::Parameters{{0.5, 0.499999, 0.000001},
                                                          {0, 0, 1, 1, 1e4, 1e4},
                                                          {9, 0, 0, 9, 9, 0, 0, 9, 1e-4, 0, 0, 1e-4}});
  const auto execution = on(test_world(), 2);
  const auto data = in_memory::make_data(execution, rows, 2);
  const FitResult result = in_memory::fit(execution, data, options);
  CHECK(!result.reseeds.empty());
  CHECK(in_memory::all_finite(result));
  options.fail_on_collapse = true;
  CHECK_THROWS_AS(in_memory::fit(execution, data, options), gmmpi::Error);
}

TEST_CASE("BatchData: the batches are disjoint, make up all rows, and nothing else is read", "[mpi]") {
  const auto rows = in_memory::clusters(5000, 3, 4, 1.0, 29);
  const auto execution = on(test_world(), 2);
  in_memory::VectorReader plain(rows, 3);
  struct Counting final : gmmpi::DataReader {
    gmmpi::DataReader& rows;
    std::set<gmmpi::Index> seen;
    explicit Counting(gmmpi::DataReader& r) : rows(r) {
      n_rows_ = r.n_rows();
      n_columns_ = r.n_columns();
      element_ = r.element();
    }
    void read(gmmpi::Index first, gmmpi::Index count, double* out) override {
      for (gmmpi::Index row = first; row < first + count; ++row) seen.insert(row);
      rows.read(first, count, out);
    }
    void read(gmmpi::Index first, gmmpi::Index count, float* out) override { rows.read(first, count, out); }
  } reader(plain);
  const gmmpi::BlockGrid grid(5000);
  const std::int64_t block = gmmpi::StreamData::least_bytes(grid, {3, gmmpi::ElementType::f8}) / 2;
  for (const int n_blocks : {2, 9, 30}) {
    const gmmpi::StreamData data(execution, reader, nullptr, n_blocks * block);
    std::vector<std::int64_t> count(5000);
    for (const gmmpi::Index step : {1, 5, 79, 100})
      for (gmmpi::Index rest = 0; rest < step; ++rest) {
        reader.seen.clear();
        const gmmpi::BatchData batch(data, {step, rest});
        std::vector<std::int64_t> mine(5000);
        batch.for_each_block(execution, [&](const gmmpi::Block& b, int) {
          for (int r = 0; r < b.n_rows; ++r) {
            ++mine[b.first_row + r];
            if (b.index % step != rest ||
                std::get<const double*>(b.rows)[3 * r] != rows[3 * (b.first_row + r)])
              mine[b.first_row + r] += 1000;
          }
        });
        for (const gmmpi::Index row : reader.seen) CHECK(mine[row] == 1);
        for (std::size_t row = 0; row < count.size(); ++row) count[row] += mine[row];
      }
    test_world().sum(count);
    CHECK(count == std::vector<std::int64_t>(5000, 4));
  }
}
