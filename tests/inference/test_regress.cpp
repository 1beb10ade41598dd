// regress against the conditional mixture of each row.
// covers: src/data/selected_columns.cpp
#include "gmmpi/inference/regress.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "data/selected_columns.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/inference/moments.hpp"
#include "inference/collected_rows.hpp"
#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Index;
using gmmpi::Mixture;
using in_memory::on;

constexpr int kColumns = 4;

/// Three correlated components, as the type allows.
Mixture model_of(const std::string& type) {
  const std::vector<double> correlated = {2,    0.5, -0.3, 0.1, 0.5, 1,   0.2, 0.0,
                                          -0.3, 0.2, 0.7,  0.4, 0.1, 0.0, 0.4, 1.5};
  std::vector<double> covariances, means;
  for (int k = 0; k < 3; ++k)
    for (int e = 0; e < 16; ++e) covariances.push_back(correlated[e] * (e % 5 == 0 ? 1.0 + k : 1.0));
  for (int e = 0; e < 3 * kColumns; ++e) means.push_back(std::sin(3.0 * e) * 2.0 + 5.0);
  return in_memory::make_model(
      type, textbook::make_mixture("full", std::vector<double>{0.25, 0.35, 0.4}, means, covariances));
}

std::vector<double> rows_of(Index n) {
  std::vector<double> rows = in_memory::clusters(n, kColumns, 3, 1.0, 12);
  for (double& x : rows) x += 5.0;
  return rows;
}

struct Regressed {
  std::vector<double> mean, variance, covariance, log_density;
  Index n_writes = 0;
};

/// Collective.
Regressed run(const gmmpi::Execution& execution, const gmmpi::Data& data, const Mixture& m,
              const std::vector<int>& targets) {
  const gmmpi::RegressOptions options{.covariance = true, .log_density = true};
  const CollectedRows sink(execution.comm, data.grid().n_rows(),
                           gmmpi::regress_columns(options, std::vector<std::string>(targets.size(), "y")));
  gmmpi::regress(execution, data, m, targets, options, sink);
  return {sink.all("/mean"), sink.all("/variance"), sink.all("/covariance"), sink.all("/log_density"),
          sink.n_writes()};
}

}  // namespace

TEST_CASE("regress: mean and covariance of each row's conditional mixture, for every type", "[mpi]") {
  const std::vector<double> rows = rows_of(150);
  for (const std::string& type : gmmpi::covariance_types())
    for (const std::vector<int>& targets : {std::vector<int>{2}, {3, 0}}) {
      const Mixture m = model_of(type);
      const gmmpi::Execution execution = on(test_world(), 2);
      const Regressed r = run(execution, in_memory::make_data(execution, rows, kColumns), m, targets);
      const std::vector<int> given = gmmpi::other_columns(targets, kColumns);
      const std::size_t t = targets.size();
      for (std::size_t n = 0; n < 150; ++n) {
        INFO(type << ", row " << n);
        std::vector<double> x_b;
        for (const int j : given) x_b.push_back(rows[n * kColumns + j]);
        const auto [c, log_density] = gmmpi::condition(m, given, x_b, *execution.kernels);
        const gmmpi::MixtureMoments moments = gmmpi::mixture_moments(c);  // targets in ascending order
        const auto place = [&](std::size_t i) { return targets[0] > targets[t - 1] ? t - 1 - i : i; };
        CHECK(r.log_density[n] == Approx(log_density).epsilon(1e-13));
        for (std::size_t i = 0; i < t; ++i) {
          CHECK(r.mean[n * t + i] == Approx(moments.mean[place(i)]).epsilon(1e-13));
          CHECK(r.variance[n * t + i] == Approx(moments.covariance[place(i) * (t + 1)]).epsilon(1e-12));
          for (std::size_t j = 0; j < t; ++j)
            CHECK(r.covariance[(n * t + i) * t + j] ==
                  Approx(moments.covariance[place(i) * t + place(j)]).epsilon(1e-11).margin(1e-12));
        }
      }
    }
}

TEST_CASE("regress: with one component, least squares", "[serial]") {
  // y = 2 + 3 x + noise of variance 0.5
  const Mixture m = in_memory::make_model("full", reference::Parameters{{1.0}, {1, 5}, {4, 12, 12, 36.5}});
  const gmmpi::Execution execution = in_memory::alone();
  const std::vector<double> x{-1, 0, 2.5};
  const Regressed r = run(execution, in_memory::make_data(execution, x, 1), m, {1});
  for (std::size_t n = 0; n < x.size(); ++n) {
    CHECK(r.mean[n] == Approx(2 + 3 * x[n]).epsilon(1e-14));
    CHECK(r.variance[n] == Approx(0.5).epsilon(1e-12));
  }
}

TEST_CASE("regress: targets in the data are not looked at, and need not be there", "[mpi]") {
  const std::vector<double> rows = rows_of(5000);
  std::vector<double> other = rows, without;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % kColumns == 1)
      other[i] = 1e6;
    else
      without.push_back(rows[i]);
  }
  const Mixture m = model_of("full");
  const gmmpi::Execution execution = on(test_world(), 2);
  const auto all = run(in_memory::alone(), in_memory::make_data(in_memory::alone(), rows, kColumns), m, {1});
  const auto changed = run(execution, in_memory::make_data(execution, other, kColumns), m, {1});
  const auto fewer = run(on(test_world(), 1, "scalar"), in_memory::make_data(execution, without, 3), m, {1});
  for (const Regressed& r : {changed, fewer}) {
    CHECK(in_memory::same_bits(r.mean, all.mean));
    CHECK(in_memory::same_bits(r.covariance, all.covariance));
    CHECK(in_memory::same_bits(r.log_density, all.log_density));
  }
  const gmmpi::BlockGrid grid(5000);
  const int rank = test_world().rank(), size = test_world().size();
  CHECK(changed.n_writes == 4 * (grid.first_block(rank + 1, size) - grid.first_block(rank, size)));
}

TEST_CASE("regress: rows of weight zero are NaN", "[serial]") {
  const std::vector<double> rows = rows_of(100);
  std::vector<double> weights(100, 2.5);
  weights[70] = 0.0;
  const gmmpi::Execution execution = in_memory::alone();
  const Mixture m = model_of("tied");
  const Regressed r = run(execution, in_memory::make_data(execution, rows, kColumns, weights), m, {0});
  const Regressed plain = run(execution, in_memory::make_data(execution, rows, kColumns), m, {0});
  CHECK((std::isnan(r.mean[70]) && std::isnan(r.variance[70]) && std::isnan(r.covariance[70]) &&
         std::isnan(r.log_density[70])));
  for (const std::size_t n : {0, 69, 71, 99}) {
    CHECK(r.mean[n] == plain.mean[n]);
    CHECK(r.log_density[n] == plain.log_density[n]);
  }
}

TEST_CASE("regress: columns that do not fit are an error", "[serial]") {
  const gmmpi::Execution execution = in_memory::alone();
  const std::vector<double> rows = rows_of(10);
  const auto data = in_memory::make_data(execution, rows, 2);
  try {
    run(execution, data, model_of("full"), {0});
    FAIL("no error");
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::bad_data);
    CHECK(std::string(e.what()).find("the data have 2 columns") != std::string::npos);
  }
}

TEST_CASE("SelectedColumns: rows, weights and summary of the columns chosen", "[mpi]") {
  const gmmpi::Execution execution = on(test_world(), 2);
  const std::vector<double> rows = rows_of(1000);
  const std::vector<double> weights(1000, 0.5);
  for (const auto element : {gmmpi::ElementType::f4, gmmpi::ElementType::f8}) {
    const auto data = in_memory::make_data(execution, rows, kColumns, weights, element);
    const gmmpi::SelectedColumns selected(data, {3, 1});
    CHECK(selected.n_columns() == 2);
    CHECK(selected.summary().minimum ==
          std::vector<double>{data.summary().minimum[3], data.summary().minimum[1]});
    std::atomic<Index> n_rows = 0, wrong = 0;
    selected.for_each_block(execution, [&](const gmmpi::Block& block, int) {
      const double* values = std::get<const double*>(block.rows);
      for (int r = 0; r < block.n_rows; ++r) {
        const std::vector<double> row = data.row(block.first_row + r);
        wrong += values[2 * r] != row[3] || values[2 * r + 1] != row[1] || block.weights[r] != 0.5;
        wrong += selected.row(block.first_row + r) != std::vector<double>{row[3], row[1]};
      }
      n_rows += block.n_rows;
    });
    CHECK(wrong == 0);
    CHECK(n_rows ==
          selected.grid().first_row(data.last_block()) - selected.grid().first_row(data.first_block()));
  }
}
