// The M-step from moments: textbook values, the guard, collapse.
#include <catch2/catch.hpp>
#include <cmath>

#include "em/assignments.hpp"
#include "em/m_step.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::MStep;
using in_memory::alone;

/// An M-step with the responsibilities of `mixture`, moments about `centers`.
MStep step_about(const gmmpi::Data& data, const gmmpi::Mixture& mixture, const std::vector<double>& centers,
                 const std::vector<double>& added) {
  const auto execution = alone();
  const gmmpi::Posterior posterior(mixture, *execution.kernels);
  const auto moments = gmmpi::sweep(execution, data, posterior, centers, mixture.structure->scatter_shape());
  return gmmpi::m_step(execution, moments, *mixture.structure, gmmpi::Regularisation{added, {}});
}

gmmpi::Mixture two_components(const std::string& type, const std::vector<double>& means) {
  const auto m =
      textbook::make_mixture("spherical", std::vector<double>{0.3, 0.7}, means, std::vector<double>{1, 4});
  return in_memory::make_model(type, m);
}

double worst(const textbook::Difference& gap) {
  return static_cast<double>(std::max({gap.weights, gap.means, gap.covariances}));
}

/// Hand-made moments of one component in one column.
gmmpi::Moments moments_of(double count, double first, double second, double center) {
  return {{1, 1, gmmpi::ScatterShape::diagonal}, {center}, 0.0, {count, first, second}};
}

}  // namespace

TEST_CASE("m_step: parameters are the textbook's, whatever the moments are taken about", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(300, 3, 2, 2.0, 41);
  const auto data = in_memory::make_data(alone(), rows, 3);
  for (const std::string& type : gmmpi::covariance_types()) {
    const gmmpi::Mixture start = two_components(type, {rows.begin(), rows.begin() + 6});
    const auto expectation = textbook::e_step({rows, 3}, in_memory::to_textbook(start));
    const auto expected = textbook::m_step(type, {rows, 3}, expectation.responsibilities);
    for (const double shift : {0.0, 1.0, -5.0}) {
      INFO(type << ", centres moved by " << shift);
      std::vector<double> centers = start.means;
      for (double& c : centers) c += shift;
      const MStep step = step_about(data, start, centers, {0, 0, 0});
      CHECK(step.collapsed.empty());
      CHECK(!step.too_far);
      CHECK(worst(textbook::difference(expected, in_memory::to_textbook(step.model))) < 1e-13);
    }
  }
}

TEST_CASE("m_step: tied scatter is the pooled scatter", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(200, 2, 2, 3.0, 42);
  const auto data = in_memory::make_data(alone(), rows, 2);
  const gmmpi::Mixture tied = two_components("tied", {rows.begin(), rows.begin() + 4});
  const gmmpi::Mixture full = gmmpi::with_structure(tied, gmmpi::find_structure("full"), *alone().kernels);
  const MStep pooled = step_about(data, tied, tied.means, {0, 0}),
              own = step_about(data, full, full.means, {0, 0});
  for (int e = 0; e < 4; ++e) {
    double sum = 0.0;
    for (int k = 0; k < 2; ++k) sum += own.model.weights[k] * own.model.covariances[4 * k + e];
    CHECK(pooled.model.covariances[e] == Approx(sum).epsilon(1e-13));
  }
}

TEST_CASE("m_step: regularisation goes to the columns, its mean to spherical variances", "[serial]") {
  const std::vector<double> rows = in_memory::clusters(100, 2, 2, 2.0, 43);
  const auto data = in_memory::make_data(alone(), rows, 2);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const gmmpi::Mixture start = two_components(type, {rows.begin(), rows.begin() + 4});
    const MStep plain = step_about(data, start, start.means, {0, 0});
    const MStep more = step_about(data, start, start.means, {0.5, 1.5});
    for (int k = 0; k < 2; ++k)
      for (int e = 0; e < 4; ++e) {
        const double added = e == 0 ? 0.5 : e == 3 ? 1.5 : 0.0;
        const double expected = type == "spherical" && e % 3 == 0 ? 1.0 : added;
        const double gap =
            gmmpi::full_covariance(more.model, k)[e] - gmmpi::full_covariance(plain.model, k)[e];
        CHECK(gap == Approx(expected).margin(1e-14));
      }
  }
}

TEST_CASE("m_step: the guard speaks where delta^2 exceeds a thousand variances", "[serial]") {
  // 10 rows of variance 1 at distance `far` from the centre.
  for (const double far : {1.0, 31.0, 32.0, 1e6}) {
    const MStep step = gmmpi::m_step(alone(), moments_of(10.0, 10.0 * far, 10.0 * (1.0 + far * far), 0.0),
                                     gmmpi::find_structure("diag"), gmmpi::Regularisation());
    INFO("centre " << far << " widths away");
    CHECK(step.too_far == (1.0 + far * far > 1e3));
    CHECK(step.model.means[0] == far);
  }
}

TEST_CASE("m_step_guarded: one more sum about the new means, only where it is needed", "[serial]") {
  const auto& structure = gmmpi::find_structure("diag");
  int sweeps = 0;
  std::vector<double> asked;
  const auto sum_about = [&](const std::vector<double>& centers) {
    ++sweeps;
    asked = centers;
    return moments_of(10.0, 0.0, 10.0, centers[0]);
  };
  bool recentred = true;
  const auto near = moments_of(10.0, 20.0, 50.0, 1.0);
  const MStep kept = gmmpi::m_step_guarded(alone(), near, structure, gmmpi::Regularisation(), sum_about, recentred);
  CHECK(!recentred);
  CHECK(sweeps == 0);
  CHECK(kept.model.means[0] == 3.0);
  CHECK(kept.model.covariances[0] == 1.0);
  // delta = 1e9: S2 / N - delta^2 is noise or negative.
  const auto far = moments_of(10.0, 1e10, 1e19, 1.0);
  const MStep mended =
      gmmpi::m_step_guarded(alone(), far, structure, gmmpi::Regularisation(), sum_about, recentred);
  CHECK(recentred);
  CHECK(sweeps == 1);
  CHECK(asked == std::vector<double>{1e9 + 1.0});
  CHECK(mended.collapsed.empty());
  CHECK(mended.model.means[0] == 1e9 + 1.0);
  CHECK(mended.model.covariances[0] == 1.0);
}

TEST_CASE("m_step: components without rows or with a singular covariance are named, the others right",
          "[serial]") {
  const auto& structure = gmmpi::find_structure("diag");
  gmmpi::Moments m{{4, 1, gmmpi::ScatterShape::diagonal},
                   {0, 5, 10, 15},
                   0.0,
                   {10, 0, 20, 1e-12, 10, 0, 0, 0, 40, 0, 0, 1e-12}};
  const MStep step = gmmpi::m_step(alone(), m, structure, gmmpi::Regularisation());
  CHECK(step.collapsed == std::vector<int>{1, 2, 3});
  CHECK(step.model.means == std::vector<double>{1, 5, 10, 15});
  CHECK(step.model.covariances[0] == 3.0);
  CHECK(in_memory::all_finite(step.model.weights));
  const MStep helped = gmmpi::m_step(alone(), m, structure, gmmpi::Regularisation{{0.5}, {}});
  CHECK(helped.collapsed == std::vector<int>{1, 3});  // a constant is no collapse if something is added
}
