// Fits of rows that were measured with errors: the reference's cases, sums against a textbook, and extremes.
// covers: src/inference/denoise.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "em/assignments.hpp"
#include "gmmpi/inference/denoise.hpp"
#include "gmmpi/inference/score.hpp"
#include "inference/collected_rows.hpp"
#include "support/reference_fit.hpp"
#include "support/world.hpp"

namespace {

using Real = long double;

gmmpi::MemoryData with_errors(const gmmpi::Execution& execution, const std::vector<double>& values, int d,
                              const std::vector<double>& errors) {
  const int n = static_cast<int>(errors.size() / (values.size() / d));
  in_memory::VectorReader rows(values, d), of_rows(errors, n);
  return {execution, rows, nullptr, gmmpi::Missing::em, &of_rows};
}

/// Gauss and Jordan; also ln det.
std::vector<Real> inverse(std::vector<Real> a, std::size_t n, Real& log_det) {
  std::vector<Real> b(n * n);
  for (std::size_t i = 0; i < n; ++i) b[i * (n + 1)] = 1;
  log_det = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Real pivot = a[i * (n + 1)];
    log_det += std::log(pivot);
    for (std::size_t c = 0; c < n; ++c) a[i * n + c] /= pivot, b[i * n + c] /= pivot;
    for (std::size_t r = 0; r < n; ++r) {
      const Real factor = a[r * n + i];
      for (std::size_t c = 0; c < n && r != i; ++c)
        a[r * n + c] -= factor * a[i * n + c], b[r * n + c] -= factor * b[i * n + c];
    }
  }
  return b;
}

/// One row by a textbook: ln p(x_o | k), and mean and covariance of the true row. `error` (d, d).
struct Posterior {
  Real log_density = 0;
  std::vector<Real> mean, covariance;

  Posterior(const gmmpi::Mixture& m, int k, const double* row, const std::vector<double>& error) {
    const std::size_t d = m.n_features;
    const std::vector<double> sigma = gmmpi::full_covariance(m, k);
    std::vector<std::size_t> o;
    for (std::size_t j = 0; j < d; ++j)
      if (!std::isnan(row[j])) o.push_back(j);
    std::vector<Real> t;
    for (const std::size_t i : o)
      for (const std::size_t j : o) t.push_back(Real(sigma[i * d + j]) + error[i * d + j]);
    Real log_det = 0, q = 0;
    const std::vector<Real> inverted = inverse(t, o.size(), log_det);
    mean.assign(m.mean(k).begin(), m.mean(k).end());
    covariance.assign(sigma.begin(), sigma.end());
    for (std::size_t a = 0; a < o.size(); ++a)
      for (std::size_t b = 0; b < o.size(); ++b) {
        const Real entry = inverted[a * o.size() + b], away = Real(row[o[b]]) - m.mean(k)[o[b]];
        q += (Real(row[o[a]]) - m.mean(k)[o[a]]) * entry * away;
        for (std::size_t i = 0; i < d; ++i) {
          mean[i] += sigma[i * d + o[a]] * entry * away;
          for (std::size_t j = 0; j < d; ++j)
            covariance[i * d + j] -= sigma[i * d + o[a]] * entry * sigma[j * d + o[b]];
        }
      }
    log_density = -0.5L * (q + log_det + static_cast<Real>(o.size()) * std::log(2 * std::acos(-1.0L)));
  }
};

/// Errors of rows in both ways, and as (d, d).
struct Errors {
  bool deviations;
  std::vector<double> numbers;

  Errors(std::size_t n_rows, int d, bool as_deviations) : deviations(as_deviations) {
    for (std::size_t n = 0; n < n_rows; ++n) {
      const auto size = [&](int j) { return 0.1 + 0.3 * static_cast<double>((n + j) % 5); };
      for (int i = 0; i < d; ++i)
        for (int j = deviations ? i : 0; j < (deviations ? i + 1 : d); ++j)
          numbers.push_back(deviations ? size(i) : (i == j ? 1.0 : 0.5) * size(i) * size(j));
    }
  }
  std::vector<double> matrix(std::size_t row, int d) const {
    std::vector<double> full(std::size_t(d) * d);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j)
        full[i * d + j] = !deviations ? numbers[(row * d + i) * d + j]
                          : i == j    ? numbers[row * d + i] * numbers[row * d + i]
                                      : 0.0;
    return full;
  }
};

}  // namespace

TEST_CASE("errors: the reference's cases, M-step by M-step, and true values", "[serial]") {
  const auto stems = reference::stems("errors_");
  REQUIRE(stems.size() == 11);
  for (const std::string& stem : stems) {
    INFO(stem);
    const nlohmann::json file = reference::load_json(stem);
    const reference::Data rows = reference::load_data(file.at("data")),
                          noise = reference::load_data(file.at("noise"));
    const auto data = with_errors(in_memory::alone(), rows.values, rows.d(), noise.values);
    CHECK(data.summary().has_errors);
    const gmmpi::FitResult ended = reference::check_fit(file, data, 1e-12);
    const int d = rows.d();
    const CollectedRows found(in_memory::alone().comm, data.grid().n_rows(),
                              gmmpi::denoise_columns(false, d, {}));
    gmmpi::denoise(in_memory::alone(), data, ended.model, false, found);
    const std::vector<double> means = found.all("/mean"), covariances = found.all("/covariance");
    for (const nlohmann::json& row : file.at("denoised")) {
      const auto n = row.at("row").get<std::size_t>();
      const std::vector<double> mean = reference::flat(row.at("mean")),
                                covariance = reference::flat(row.at("covariance"));
      for (int i = 0; i < d; ++i) CHECK(means[n * d + i] == Approx(mean[i]).epsilon(1e-12));
      for (int e = 0; e < d * d; ++e)
        CHECK(covariances[n * d * d + e] == Approx(covariance[e]).epsilon(1e-11).margin(1e-13));
    }
  }
}

TEST_CASE("errors: a sweep adds what a textbook expects of the true rows, about any centres", "[mpi]") {
  for (const int d : {2, 7, 10})
    for (const std::string type : {"full", "tied", "diag"})
      for (const bool deviations : {true, false}) {
        INFO(type << ", d = " << d << ", deviations: " << deviations);
        constexpr std::size_t kRows = 300;
        const gmmpi::Mixture m = in_memory::two_components(type, d);
        std::vector<double> values = in_memory::clusters(kRows, d, 2, 2.0, 5);
        for (std::size_t e = 0; e < values.size(); e += 11)
          if (e % d > 0) values[e] = std::numeric_limits<double>::quiet_NaN();
        Errors errors(kRows, d, deviations);
        const auto execution = in_memory::on(test_world(), 2);
        const auto data = with_errors(execution, values, d, errors.numbers);
        std::vector<double> centers = m.means;
        for (std::size_t e = 0; e < centers.size(); ++e) centers[e] += 0.3 + 0.1 * static_cast<double>(e);
        const gmmpi::Moments got =
            gmmpi::sweep(execution, data, gmmpi::Posterior(m, *execution.kernels, gmmpi::kEveryLogShare),
                         centers, m.structure->scatter_shape());
        std::vector<Real> sums(got.sums.size());
        Real objective = 0;
        for (std::size_t n = 0; n < kRows; ++n) {
          std::vector<::Posterior> rows;
          Real total = 0;
          for (int k = 0; k < 2; ++k) {
            rows.emplace_back(m, k, values.data() + n * d, errors.matrix(n, d));
            total += m.weights[k] * std::exp(rows[k].log_density);
          }
          objective += std::log(total);
          for (int k = 0; k < 2; ++k) {
            const Real gamma = m.weights[k] * std::exp(rows[k].log_density) / total;
            sums[k] += gamma;
            const auto away = [&](int j) { return rows[k].mean[j] - centers[k * d + j]; };
            for (int j = 0; j < d; ++j) sums[got.layout.first() + k * d + j] += gamma * away(j);
            got.layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
              sums[got.layout.second() + place] +=
                  gamma * (away(i) * away(j) + rows[k].covariance[i * d + j]);
            });
          }
        }
        CHECK(got.objective == Approx(static_cast<double>(objective)).epsilon(1e-14));
        for (std::size_t e = 0; e < sums.size(); ++e)
          CHECK(got.sums[e] == Approx(static_cast<double>(sums[e])).epsilon(1e-12).margin(1e-11));
      }
}

TEST_CASE("errors: the log-likelihood never falls, whatever the structure", "[serial]") {
  const int d = 3;
  const Errors errors(400, d, true);
  const auto data =
      with_errors(in_memory::alone(), in_memory::clusters(400, d, 3, 4.0, 9), d, errors.numbers);
  for (const auto* structure : gmmpi::covariance_structures())
    for (const bool noise : {false, true}) {
      INFO(structure->name() << ", noise: " << noise);
      gmmpi::FitOptions options;
      options.n_components = 3;
      options.structure = structure;
      if (noise) options.noise.emplace();
      options.max_iter = 40;
      options.tol = 0.0;
      const gmmpi::FitResult result = in_memory::fit(in_memory::alone(), data, options);
      CHECK(in_memory::all_finite(result));
      for (std::size_t i = 1; i < result.history.size(); ++i)
        CHECK(result.history[i] >= result.history[i - 1] - 1e-11 * std::abs(result.history[i]));
    }
}

TEST_CASE("errors: of zero they are none, and of any size they leave numbers", "[serial]") {
  const int d = 3;
  const std::vector<double> values = in_memory::clusters(200, d, 2, 4.0, 3);
  gmmpi::FitOptions options;
  options.n_components = 2;
  options.structure = &gmmpi::find_structure("full");
  options.max_iter = 30;
  const auto fitted = [&](double error, std::size_t every) {
    std::vector<double> errors(values.size());
    for (std::size_t e = 0; e < errors.size(); e += every) errors[e] = error;
    const auto data = with_errors(in_memory::alone(), values, d, errors);
    CHECK(data.summary().has_errors == (error > 0.0));
    return in_memory::fit(in_memory::alone(), data, options);
  };
  const auto exact =
      in_memory::fit(in_memory::alone(), in_memory::make_data(in_memory::alone(), values, d), options);
  const auto of_zeros = fitted(0.0, 1);
  CHECK(in_memory::same_bits(of_zeros.model.covariances, exact.model.covariances));
  CHECK(in_memory::same_bits(of_zeros.history, exact.history));
  // A value whose error is beyond all measure says as much as a missing one.
  std::vector<double> holes = values;
  for (std::size_t e = 0; e < holes.size(); e += 7) holes[e] = std::numeric_limits<double>::quiet_NaN();
  const auto vague = fitted(1e12, 7);
  CHECK(in_memory::all_finite(vague));
  in_memory::VectorReader reader(holes, d);
  const gmmpi::MemoryData lacking(in_memory::alone(), reader, nullptr, gmmpi::Missing::em);
  options.init = gmmpi::Init::model;
  options.start = exact.model;
  const auto from_exact = fitted(1e12, 7), of_holes = in_memory::fit(in_memory::alone(), lacking, options);
  for (std::size_t e = 0; e < of_holes.model.means.size(); ++e)
    CHECK(from_exact.model.means[e] == Approx(of_holes.model.means[e]).epsilon(1e-6));
  options.init = gmmpi::Init::kmeans;
  options.start.reset();
  CHECK(in_memory::all_finite(fitted(1e140, 3)));
  CHECK(in_memory::all_finite(fitted(1e12, 1)));
  CHECK(in_memory::all_finite(fitted(1e-300, 1)));
}
