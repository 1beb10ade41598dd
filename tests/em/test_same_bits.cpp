// The promise: the same bits on any number of ranks and threads, with any kernels and alignment of blocks.
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/table.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Communicator;
using gmmpi::FitOptions;
using gmmpi::FitResult;
using gmmpi::Init;
using in_memory::same_bits;

constexpr Init kAllInits[] = {Init::kmeans, Init::kmeans_plusplus, Init::random, Init::random_from_data,
                              Init::model};

/// A table of numbers, the same on every rank.
struct Table {
  std::vector<double> rows;
  int d;
  std::vector<double> weights;  ///< zero, fractional and large ones

  Table(std::int64_t n_rows, int d, unsigned seed)
      : rows(in_memory::clusters(n_rows, d, 4, 2.0, seed)), d(d) {
    for (std::int64_t n = 0; n < n_rows; ++n) weights.push_back(n % 7 == 3 ? 0.0 : 0.25 * double(1 + n % 13));
  }

  FitResult fit(const gmmpi::Execution& execution, const FitOptions& options, bool weighted) const {
    const auto data = in_memory::make_data(
        execution, rows, d, weighted ? std::span<const double>(weights) : std::span<const double>());
    return in_memory::fit(execution, data, options);
  }
};

/// Few M-steps are enough: what differs in one bit once stays different.
FitOptions options_for(const Table& table, const std::string& type, Init init, int n_init) {
  FitOptions options;
  options.n_components = 4;
  in_memory::set_kind(options, type);
  options.init = init;
  options.n_init = n_init;
  options.tol = 0.0;
  options.max_iter = 5;
  options.seed = 11;
  if (init != Init::model) return options;
  reference::Parameters start{
      std::vector<double>(4, 0.25), {table.rows.begin(), table.rows.begin() + 4 * table.d}, {}};
  const auto identity =
      textbook::make_mixture("spherical", start.weights, start.means, std::vector<double>(4, 1.0));
  options.start = in_memory::make_model(type, identity);
  return options;
}

bool same_reseeds(const FitResult& a, const FitResult& b) {
  if (a.reseeds.size() != b.reseeds.size()) return false;
  for (std::size_t i = 0; i < a.reseeds.size(); ++i)
    if (a.reseeds[i].row != b.reseeds[i].row || a.reseeds[i].component != b.reseeds[i].component ||
        a.reseeds[i].iteration != b.reseeds[i].iteration || a.reseeds[i].restart != b.reseeds[i].restart)
      return false;
  return true;
}

void check_same(const FitResult& expected, const FitResult& actual) {
  CHECK(same_bits(expected.model.weights, actual.model.weights));
  CHECK(same_bits(expected.model.means, actual.model.means));
  CHECK(same_bits(expected.model.covariances, actual.model.covariances));
  CHECK(same_bits(expected.model.precisions_cholesky, actual.model.precisions_cholesky));
  CHECK(same_bits(expected.model.log_det, actual.model.log_det));
  CHECK(same_bits(expected.history, actual.history));
  CHECK(same_bits(expected.restart_log_likelihoods, actual.restart_log_likelihoods));
  CHECK(same_bits(expected.reg_covar, actual.reg_covar));
  CHECK(expected.best_restart == actual.best_restart);
  CHECK(expected.n_recentred == actual.n_recentred);
  CHECK(expected.n_rejected == actual.n_rejected);
  CHECK(expected.n_sweeps == actual.n_sweeps);
  CHECK(same_reseeds(expected, actual));
}

/// The fit of all ranks with 1, 2 and 3 threads against that of one process.
void check_layouts(const Table& table, const FitOptions& options, bool weighted) {
  const FitResult expected = table.fit(in_memory::alone(), options, weighted);
  REQUIRE(in_memory::all_finite(expected));
  for (const int n_threads : {1, 2, 3}) {
    INFO(n_threads << " threads, " << test_world().size() << " ranks");
    check_same(expected, table.fit(in_memory::on(test_world(), n_threads), options, weighted));
  }
}

void check_all_starts(const Table& table) {
  for (const std::string& type : gmmpi::covariance_types())
    for (const Init init : kAllInits)
      for (const bool weighted : {false, true}) {
        INFO(type << ", init " << static_cast<int>(init) << (weighted ? ", weighted" : ""));
        // Restarts where chance has a say; the others are done once.
        check_layouts(table,
                      options_for(table, type, init,
                                  init == Init::model ? 1
                                  : weighted          ? 2
                                                      : 1),
                      weighted);
      }
}

}  // namespace

TEST_CASE("same bits: several blocks per rank, every family and start", "[mpi]") {
  check_all_starts(Table(5000, 3, 1));
}

TEST_CASE("same bits: fewer blocks than ranks, every family and start", "[mpi]") {
  check_all_starts(Table(50, 3, 2));
}

TEST_CASE("same bits: accelerated fits, with rejected extrapolations", "[mpi]") {
  const Table table(700, 3, 12);
  int n_rejected = 0;
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = options_for(table, type, Init::random_from_data, 2);
    options.accelerate = gmmpi::Acceleration::lbfgs;
    options.max_iter = 40;
    check_layouts(table, options, true);
    for (const std::string& kernels : gmmpi::available_kernels()) {
      INFO(kernels);
      check_same(table.fit(in_memory::alone(), options, true),
                 table.fit(in_memory::on(test_world(), 2, kernels), options, true));
    }
    n_rejected += table.fit(in_memory::alone(), options, true).n_rejected;
  }
  CHECK(n_rejected > 0);
}

TEST_CASE("same bits: many columns", "[mpi]") {
  const Table table(700, 19, 3);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    check_layouts(table, options_for(table, type, Init::kmeans, 2), true);
  }
}

TEST_CASE("same bits: k-means in rounds, and a pilot fit on a subsample", "[mpi]") {
  for (const std::int64_t n_rows : {3000, 34'000}) {
    const Table table(n_rows, 2, 7);
    FitOptions options = options_for(table, "diag", Init::kmeans, 1);
    options.n_components = 10;
    options.max_iter = 1;
    for (const bool weighted : {false, true}) {
      INFO(n_rows << (weighted ? " rows, weighted" : " rows"));
      check_layouts(table, options, weighted);
    }
  }
}

TEST_CASE("same bits: reseeds and repeated sweeps do not depend on the layout", "[mpi]") {
  Table table(300, 2, 4);
  for (std::size_t e = 0; e < 120; ++e) table.rows[e] = table.rows[e % 2];  // 60 equal rows
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = options_for(table, type, Init::model, 1);
    options.reg_covar = 0.0;
    options.max_iter = 40;
    for (int j = 0; j < 2; ++j) options.start->means[j] += 1e6;  // far away: the guard, then a collapse
    check_layouts(table, options, false);
  }
}

TEST_CASE("same bits: every SIMD target", "[mpi]") {
  for (const int d : {3, 11}) {
    const Table table(900, d, 5);
    for (const std::string& type : gmmpi::covariance_types()) {
      const FitOptions options = options_for(table, type, Init::kmeans, 1);
      const FitResult expected = table.fit(in_memory::alone(), options, true);
      for (const std::string& kernels : gmmpi::available_kernels()) {
        INFO(type << ", " << d << " columns, " << kernels);
        check_same(expected, table.fit(in_memory::on(test_world(), 2, kernels), options, true));
      }
    }
  }
}

TEST_CASE("same bits: rows held as float32 and as float64", "[mpi]") {
  Table table(500, 5, 6);
  for (double& x : table.rows) x = static_cast<double>(static_cast<float>(x));
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const FitOptions options = options_for(table, type, Init::kmeans, 1);
    const FitResult expected = table.fit(in_memory::alone(), options, false);
    const auto execution = in_memory::on(test_world(), 2);
    const auto floats = in_memory::make_data(execution, table.rows, table.d, {}, gmmpi::ElementType::f4);
    check_same(expected, in_memory::fit(execution, floats, options));
  }
}
