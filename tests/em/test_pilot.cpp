// The start from a subsample.
#include <algorithm>
#include <catch2/catch.hpp>

#include "em/pilot.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::on;

gmmpi::FitOptions options_for(const std::string& type, int K, std::uint64_t seed = 0) {
  gmmpi::FitOptions options;
  options.structure = &gmmpi::find_structure(type);
  options.n_components = K;
  options.seed = seed;
  return options;
}

class Started final : public gmmpi::FitObserver {
 public:
  std::string how;
  void started(const std::string& text) override { how = text; }
};

}  // namespace

TEST_CASE("pilot: many rows start from a subsample's fit, few from their own k-means", "[mpi]") {
  const auto execution = on(test_world());
  for (const int n_rows : {20'000, 40'000}) {
    const auto data = in_memory::make_data(execution, in_memory::clusters(n_rows, 2, 3, 6.0, 1), 2);
    Started observer;
    const auto result = gmmpi::fit(execution, data, options_for("full", 3), observer);
    CHECK(observer.how.find(n_rows == 20'000 ? "k-means (" : "subsample of 5000 rows") != std::string::npos);
    CHECK(result.converged);
  }
}

TEST_CASE("pilot: covariance matrices need more rows than variances", "[serial]") {
  CHECK(gmmpi::pilot_rows(options_for("diag", 3), 50) == 300);
  CHECK(gmmpi::pilot_rows(options_for("tied", 3), 50) == 300);
  CHECK(gmmpi::pilot_rows(options_for("full", 3), 10) == 300);
  CHECK(gmmpi::pilot_rows(options_for("full", 3), 50) == 750);
}

TEST_CASE("pilot: the likeliest of its starts ends higher than one start does", "[serial]") {
  // Twenty clusters, so close together that one start in two ends at a lower maximum.
  const auto execution = in_memory::alone();
  const auto rows = in_memory::clusters(40'000, 3, 20, 4.0, 5);
  const auto data = in_memory::make_data(execution, rows, 3);
  gmmpi::FitObserver silent;
  double best = -1e300;
  std::vector<double> from_pilot, from_rows;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    gmmpi::FitOptions options = options_for("diag", 20, 100 * seed);
    options.tol = 1e-5;
    from_pilot.push_back(gmmpi::fit(execution, data, options, silent).log_likelihood());
    options.init = gmmpi::Init::kmeans_plusplus;
    from_rows.push_back(gmmpi::fit(execution, data, options, silent).log_likelihood());
    best = std::max({best, from_pilot.back(), from_rows.back()});
  }
  const auto n_best = [&](const std::vector<double>& reached) {
    return std::ranges::count_if(reached, [&](double l) { return l > best - 0.001 * 40'000; });
  };
  INFO(n_best(from_pilot) << " from subsamples, " << n_best(from_rows) << " from all rows");
  CHECK(n_best(from_pilot) > n_best(from_rows));
  CHECK(n_best(from_pilot) >= 6);
}
