// Fits of rows that lack values: the reference's cases, sums against a textbook, and maxima that are some.
// covers: src/em/gaps.cpp, src/em/block_work.cpp, src/em/gap_clusters.cpp
// covers: src/em/rowwise_sums.cpp
// covers: src/em/observed_distances.cpp, src/em/extreme_row.cpp, src/data/patterns.cpp
// covers: src/model/observed_part.cpp, src/inference/observed_models.cpp
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "em/assignments.hpp"
#include "gmmpi/inference/predict.hpp"
#include "gmmpi/inference/score.hpp"
#include "inference/collected_rows.hpp"
#include "support/reference_fit.hpp"
#include "support/world.hpp"

namespace {

using Real = long double;

gmmpi::MemoryData with_gaps(const gmmpi::Execution& execution, const std::vector<double>& values, int d,
                            const std::vector<double>& weights = {}) {
  in_memory::VectorReader rows(values, d), weight_rows(weights, 1);
  return {execution, rows, weights.empty() ? nullptr : &weight_rows, gmmpi::Missing::em};
}

/// Takes away about one value in `every`, never all of a row's, the same everywhere.
std::vector<double> punched(std::vector<double> values, int d, int every) {
  std::uint32_t state = 12345;
  for (std::size_t e = 0; e < values.size(); ++e) {
    state = state * 1664525u + 1013904223u;
    if ((state >> 16) % every == 0 && e % d != e / d % d)
      values[e] = std::numeric_limits<double>::quiet_NaN();
  }
  return values;
}

/// Solves A x = b in place, A (n, n), by elimination; returns ln det A.
Real solve(std::vector<Real> a, std::vector<Real>& b, std::size_t n) {
  Real log_det = 0;
  for (std::size_t i = 0; i < n; ++i) {
    log_det += std::log(a[i * n + i]);
    for (std::size_t r = i + 1; r < n; ++r) {
      const Real factor = a[r * n + i] / a[i * n + i];
      for (std::size_t c = i; c < n; ++c) a[r * n + c] -= factor * a[i * n + c];
      b[r] -= factor * b[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t c = i + 1; c < n; ++c) b[i] -= a[i * n + c] * b[c];
    b[i] /= a[i * n + i];
  }
  return log_det;
}

/// One row by a textbook: ln p(x_o | k), the completed row, and the covariance of what is missing.
struct Completed {
  Real log_density = 0;
  std::vector<Real> x, covariance;

  Completed(const gmmpi::Mixture& m, int k, const double* row) {
    const std::size_t d = m.n_features;
    const std::vector<double> sigma = gmmpi::full_covariance(m, k);
    std::vector<std::size_t> o;
    for (std::size_t j = 0; j < d; ++j)
      if (!std::isnan(row[j])) o.push_back(j);
    std::vector<Real> oo;
    for (const std::size_t i : o)
      for (const std::size_t j : o) oo.push_back(sigma[i * d + j]);
    std::vector<Real> y;
    for (const std::size_t j : o) y.push_back(Real(row[j]) - m.mean(k)[j]);
    const std::vector<Real> difference = y;
    const Real log_det = solve(oo, y, o.size());
    Real q = 0;
    for (std::size_t a = 0; a < o.size(); ++a) q += difference[a] * y[a];
    log_density = -0.5L * (q + log_det + o.size() * std::log(2 * std::acos(-1.0L)));
    covariance.resize(d * d);
    for (std::size_t i = 0; i < d; ++i) {
      Real mean = m.mean(k)[i];
      for (std::size_t a = 0; a < o.size(); ++a) mean += sigma[i * d + o[a]] * y[a];
      x.push_back(std::isnan(row[i]) ? mean : Real(row[i]));
      std::vector<Real> column;
      for (const std::size_t j : o) column.push_back(sigma[i * d + j]);
      solve(oo, column, o.size());
      for (std::size_t j = 0; j < d && std::isnan(row[i]); ++j) {
        if (!std::isnan(row[j])) continue;
        covariance[i * d + j] = sigma[i * d + j];
        for (std::size_t a = 0; a < o.size(); ++a) covariance[i * d + j] -= column[a] * sigma[o[a] * d + j];
      }
    }
  }
};

double log_likelihood(const gmmpi::Data& data, const gmmpi::Mixture& m) {
  return gmmpi::score(in_memory::alone(), data, m).log_likelihood;
}

}  // namespace

TEST_CASE("missing: the reference's cases, M-step by M-step", "[serial]") {
  const auto stems = reference::stems("missing_");
  REQUIRE(stems.size() == 17);
  for (const std::string& stem : stems) {
    INFO(stem);
    const nlohmann::json file = reference::load_json(stem);
    const reference::Data rows = reference::load_data(file.at("data"));
    const auto data = with_gaps(in_memory::alone(), rows.values, rows.d());
    reference::check_fit(file, data, 1e-11);
  }
}

TEST_CASE("missing: a sweep adds what a textbook expects of gaps, about any centres", "[mpi]") {
  for (const int d : {3, 7})
    for (const std::string type : {"full", "tied", "diag"}) {
      INFO(type << ", d = " << d);
      const gmmpi::Mixture m = in_memory::two_components(type, d);
      const auto values = punched(in_memory::clusters(500, d, 2, 2.0, 5), d, 3);
      std::vector<double> weights(500, 1.0);
      for (std::size_t n = 0; n < weights.size(); n += 3) weights[n] = 0.25 * static_cast<double>(n % 7);
      const auto execution = in_memory::on(test_world(), 2);
      const auto data = with_gaps(execution, values, d, weights);
      std::vector<double> centers = m.means;
      for (std::size_t e = 0; e < centers.size(); ++e) centers[e] += 0.3 + 0.1 * static_cast<double>(e);
      const gmmpi::ScatterShape shape = m.structure->scatter_shape();
      const gmmpi::Moments got = gmmpi::sweep(
          execution, data, gmmpi::Posterior(m, *execution.kernels, gmmpi::kEveryLogShare), centers, shape);
      std::vector<Real> sums(got.sums.size());
      Real objective = 0;
      for (std::size_t n = 0; n < weights.size(); ++n) {
        std::vector<Completed> rows;
        Real total = 0;
        for (int k = 0; k < 2; ++k) {
          rows.emplace_back(m, k, values.data() + n * d);
          total += m.weights[k] * std::exp(rows[k].log_density);
        }
        objective += weights[n] * std::log(total);
        for (int k = 0; k < 2; ++k) {
          const Real gamma = weights[n] * m.weights[k] * std::exp(rows[k].log_density) / total;
          sums[k] += gamma;
          const auto away = [&](int j) { return rows[k].x[j] - centers[k * d + j]; };
          for (int j = 0; j < d; ++j) sums[got.layout.first() + k * d + j] += gamma * away(j);
          got.layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
            sums[got.layout.second() + place] += gamma * (away(i) * away(j) + rows[k].covariance[i * d + j]);
          });
        }
      }
      CHECK(got.objective == Approx(static_cast<double>(objective)).epsilon(1e-14));
      for (std::size_t e = 0; e < sums.size(); ++e)
        CHECK(got.sums[e] == Approx(static_cast<double>(sums[e])).epsilon(1e-12).margin(1e-11));
    }
}

TEST_CASE("missing: the log-likelihood never falls, whatever the structure", "[serial]") {
  const int d = 4;
  const auto data = with_gaps(in_memory::alone(), punched(in_memory::clusters(300, d, 3, 4.0, 9), d, 4), d);
  for (const auto* structure : gmmpi::covariance_structures())
    for (const std::string family : {"gaussian", "student"}) {
      INFO(structure->name() << ", " << family);
      gmmpi::FitOptions options;
      options.n_components = 3;
      options.structure = structure;
      options.component = &gmmpi::find_component(family);
      options.max_iter = 25;
      options.tol = 0.0;
      const auto result = in_memory::fit(in_memory::alone(), data, options);
      CHECK(in_memory::all_finite(result));
      for (std::size_t i = 1; i < result.history.size(); ++i)
        REQUIRE(result.history[i] >= result.history[i - 1] - 1e-12 * std::abs(result.history[i]));
    }
}

TEST_CASE("missing: a fit of Student's t ends at a maximum of the observed likelihood", "[serial]") {
  const int d = 2;
  const auto data = with_gaps(in_memory::alone(), punched(reference::load_data("t_mixture").values, d, 3), d);
  gmmpi::FitOptions options;
  options.n_components = 2;
  options.structure = &gmmpi::find_structure("full");
  options.component = &gmmpi::find_component("student");
  options.max_iter = 20000;
  options.tol = 1e-13;
  const auto result = in_memory::fit(in_memory::alone(), data, options);
  const double reached = log_likelihood(data, result.model);
  CHECK(reached == Approx(result.history.back()).epsilon(1e-14));
  const auto lowers = [&](auto change) {
    for (const double step : {1e-3, -1e-3}) {
      gmmpi::Mixture m = result.model;
      change(m, step);
      gmmpi::factorise(m, *in_memory::alone().kernels);
      CHECK(log_likelihood(data, m) < reached);
    }
  };
  for (int k = 0; k < 2; ++k) {
    for (int j = 0; j < d; ++j) lowers([&](gmmpi::Mixture& m, double step) { m.mean(k)[j] += step; });
    for (int e = 0; e < d * d; ++e)
      lowers([&](gmmpi::Mixture& m, double step) {
        m.covariance(k)[e] += step;
        if (e % d != e / d) m.covariance(k)[e % d * d + e / d] += step;
      });
    lowers([&](gmmpi::Mixture& m, double step) { m.own[k] *= 1.0 + 10.0 * step; });
  }
}

TEST_CASE("missing: noise takes its share of incomplete rows, and the likelihood rises", "[serial]") {
  const int d = 3;
  auto values = in_memory::clusters(300, d, 2, 8.0, 11);
  for (std::size_t e = 0; e < 60; ++e) values[e] *= 3.0;
  const auto data = with_gaps(in_memory::alone(), punched(values, d, 4), d);
  gmmpi::FitOptions options;
  options.n_components = 2;
  options.structure = &gmmpi::find_structure("full");
  options.noise.emplace();
  options.max_iter = 40;
  options.tol = 0.0;
  const auto result = in_memory::fit(in_memory::alone(), data, options);
  CHECK(result.model.noise->weight > 0.0);
  for (std::size_t i = 1; i < result.history.size(); ++i)
    REQUIRE(result.history[i] >= result.history[i - 1] - 1e-12 * std::abs(result.history[i]));
  CHECK(log_likelihood(data, result.model) == result.history.back());
}

TEST_CASE("missing: predictions are those of each row where patterns are too many to be kept", "[serial]") {
  const int d = 24, K = 12, n = 640;
  const auto values = punched(in_memory::clusters(n, d, K, 3.0, 17), d, 3);
  const auto data = with_gaps(in_memory::alone(), values, d);
  reference::Parameters p;
  p.weights.assign(K, 1.0 / K);
  for (int k = 0; k < K; ++k) {
    for (int j = 0; j < d; ++j) p.means.push_back(0.3 * k - 0.1 * j);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j) p.covariances.push_back(i == j ? 2.0 + 0.1 * k : 0.3 + 0.01 * k);
  }
  gmmpi::Mixture m = in_memory::make_model("full", p);
  m.component = &gmmpi::find_component("student");  // which takes no rows one by one
  m.own.assign(K, 5.0);
  gmmpi::PredictOptions what;
  what.log_density = true;
  CollectedRows rows(in_memory::alone().comm, n, gmmpi::predict_columns(what, m));
  gmmpi::predict(in_memory::alone(), data, m, what, rows);
  const std::vector<double> densities = rows.all("/log_density");
  for (int row = 0; row < n; row += 7) {
    const std::vector<double> one(values.begin() + row * d, values.begin() + (row + 1) * d);
    in_memory::VectorReader reader(one, d);
    const gmmpi::MemoryData alone(in_memory::alone(), reader, nullptr, gmmpi::Missing::em);
    CHECK(densities[row] == Approx(log_likelihood(alone, m)).epsilon(1e-12));
  }
}
