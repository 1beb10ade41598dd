// Accelerated fits: fewer sweeps to the same maximum, a log-likelihood that never falls, and the same stop
// rule.
#include "em/accelerate.hpp"
#include "em/engines/em_loop.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::Acceleration;
using gmmpi::FitOptions;
using gmmpi::FitResult;
using in_memory::alone;
using in_memory::clusters;
using in_memory::make_data;
using in_memory::same_bits;

/// Keeps every iteration and rejection.
struct Watcher final : gmmpi::FitObserver {
  struct Step {
    bool extrapolated;
    double log_likelihood;
  };
  std::vector<Step> steps;
  std::vector<int> rejected_at;
  int n_sweeps = 0;
  bool extrapolated = false;

  void safe_point(const gmmpi::FitState& state) override {
    if (state.phase != gmmpi::FitState::Phase::em) return;
    const gmmpi::AccelerationState& a = state.engine.find<gmmpi::EmState>()->acceleration;
    extrapolated = a.extrapolated;
    ++n_sweeps;
    if (state.just_reseeded) CHECK((!a.extrapolated && a.steps.empty() && a.step.empty()));
  }
  void iteration(const Iteration& it) override { steps.push_back({extrapolated, it.log_likelihood}); }
  void rejected(int, int iteration, double log_likelihood) override {
    CHECK(extrapolated);
    CHECK_FALSE(log_likelihood >= steps.back().log_likelihood);
    rejected_at.push_back(iteration);
  }
  int n_extrapolated() const {
    return static_cast<int>(
        std::count_if(steps.begin(), steps.end(), [](auto& s) { return s.extrapolated; }));
  }
};

FitOptions options_for(const std::string& type, int n_components) {
  FitOptions options;
  options.n_components = n_components;
  in_memory::set_kind(options, type);
  options.reg_covar = 0.0;
  options.max_iter = 5000;
  return options;
}

FitResult run(const gmmpi::Data& data, FitOptions options, Acceleration accelerate, Watcher& watcher) {
  options.accelerate = accelerate;
  return gmmpi::fit(alone(), data, options, watcher);
}

FitResult run(const gmmpi::Data& data, const FitOptions& options, Acceleration accelerate) {
  Watcher watcher;
  return run(data, options, accelerate, watcher);
}

bool never_falls(const std::vector<double>& history) {
  return std::is_sorted(history.begin(), history.end());
}

/// Rows of strongly overlapping clusters.
struct SlowCase {
  std::string type;
  int d, n_components;
  double distance;
  unsigned seed;
};

constexpr int kRows = 1000;

}  // namespace

TEST_CASE("accelerate: fits of 300 sweeps and more take a third of them, to the same maximum", "[serial]") {
  for (const SlowCase& slow : {SlowCase{"full", 5, 2, 1.0, 1}, SlowCase{"tied", 3, 4, 1.0, 1},
                               SlowCase{"diag", 5, 2, 0.5, 1}, SlowCase{"spherical", 3, 2, 1.5, 2}}) {
    INFO(slow.type);
    const auto data =
        make_data(alone(), clusters(kRows, slow.d, slow.n_components, slow.distance, slow.seed), slow.d);
    FitOptions options = options_for(slow.type, slow.n_components);
    const FitResult plain = run(data, options, Acceleration::none);
    const FitResult fast = run(data, options, Acceleration::lbfgs);
    REQUIRE(plain.converged);
    REQUIRE(fast.converged);
    REQUIRE(plain.n_sweeps >= 300);
    CHECK(3 * fast.n_sweeps <= plain.n_sweeps);
    CHECK(never_falls(fast.history));
    options.tol = 1e-11;
    const double maximum = run(data, options, Acceleration::none).log_likelihood();
    CHECK(fast.log_likelihood() >= plain.log_likelihood());
    CHECK(std::abs(maximum - fast.log_likelihood()) <= 1e-6 * kRows);
  }
}

TEST_CASE("accelerate: Old Faithful takes at most 0.7 of the sweeps, beyond the plateau, in any units",
          "[serial]") {
  const auto one = reference::load_file("em_old_faithful_std_k2_full").front();
  const reference::Data standard = reference::load_data(one.data), raw = reference::load_data("old_faithful");
  reference::Parameters raw_start = one.start;
  for (int j = 0; j < 2; ++j) {
    const double scale = (raw.values[2 + j] - raw.values[j]) / (standard.values[2 + j] - standard.values[j]);
    for (int k = 0; k < 2; ++k) {
      double& mean = raw_start.means[2 * k + j];
      mean = raw.values[j] + scale * (mean - standard.values[j]);
      raw_start.covariances[4 * k + 3 * j] *= scale * scale;
    }
  }
  std::int64_t n_sweeps[2];
  for (const bool in_raw_units : {false, true}) {
    INFO((in_raw_units ? "minutes" : "standard deviations"));
    const auto data = make_data(alone(), in_raw_units ? raw.values : standard.values, 2);
    FitOptions options =
        in_memory::exactly(1000, in_memory::make_model("full", in_raw_units ? raw_start : one.start));
    options.tol = FitOptions().tol;
    Watcher watcher;
    const FitResult plain = run(data, options, Acceleration::none);
    const FitResult fast = run(data, options, Acceleration::lbfgs, watcher);
    CHECK(10 * fast.n_sweeps <= 7 * plain.n_sweeps);
    CHECK(never_falls(fast.history));
    CHECK(fast.n_rejected > 0);  // or the test above proves less
    CHECK(fast.log_likelihood() == Approx(plain.log_likelihood()).margin(1e-6 * 272));
    if (!in_raw_units) CHECK(fast.log_likelihood() == Approx(-385.4607).margin(1e-4));
    n_sweeps[in_raw_units] = fast.n_sweeps;
  }
  CHECK(std::abs(n_sweeps[0] - n_sweeps[1]) <= 1);  // affine equivariance, up to rounding
}

TEST_CASE("accelerate: Bernoulli mixtures take a third of the sweeps where they are slow", "[serial]") {
  std::vector<double> rows = clusters(2000, 8, 2, 0.3, 1);
  for (double& x : rows) x = x > 0.0;
  const auto data = make_data(alone(), rows, 8);
  FitOptions options = options_for("bernoulli", 2);
  Watcher watcher;
  const FitResult plain = run(data, options, Acceleration::none);
  const FitResult fast = run(data, options, Acceleration::lbfgs, watcher);
  REQUIRE(plain.n_sweeps >= 300);
  CHECK(3 * fast.n_sweeps <= plain.n_sweeps);
  CHECK(fast.log_likelihood() >= plain.log_likelihood());
  CHECK(never_falls(fast.history));
  for (const double mu : fast.model.means) CHECK((mu >= 0.0 && mu <= 1.0));
}

TEST_CASE("accelerate: where EM is fast it is left alone", "[serial]") {
  const auto one = reference::load_file("em_old_faithful_k2_full").front();
  const reference::Data rows = reference::load_data(one.data);
  const auto data = make_data(alone(), rows.values, 2);
  FitOptions options = in_memory::exactly(1000, in_memory::make_model("full", one.start));
  options.tol = FitOptions().tol;
  const FitResult plain = run(data, options, Acceleration::none);
  const FitResult fast = run(data, options, Acceleration::lbfgs);
  CHECK(fast.n_sweeps <= plain.n_sweeps);
  CHECK(fast.log_likelihood() == Approx(plain.log_likelihood()).margin(1e-6 * 272));
}

TEST_CASE("accelerate: history, iterations and sweeps count as documented", "[serial]") {
  const auto data = make_data(alone(), clusters(600, 3, 3, 1.0, 2), 3);
  bool some_rejected = false;
  for (const std::string& type : gmmpi::covariance_types())
    for (const int n_components : {1, 2, 3}) {
      INFO(type << ", " << n_components << " components");
      Watcher watcher;
      const FitResult result = run(data, options_for(type, n_components), Acceleration::lbfgs, watcher);
      REQUIRE(result.converged);
      REQUIRE(std::ssize(result.history) == result.n_iter + 1);
      REQUIRE(std::ssize(result.seconds) == result.n_iter + 1);
      REQUIRE(std::ssize(watcher.steps) == result.n_iter + 1);
      CHECK(result.n_rejected == std::ssize(watcher.rejected_at));
      CHECK(result.n_sweeps == watcher.n_sweeps + result.n_recentred);
      CHECK(result.n_sweeps == result.n_iter + 1 + result.n_rejected + result.n_recentred);
      CHECK(gmmpi::score(alone(), data, result.model).log_likelihood ==
            Approx(result.log_likelihood()).epsilon(1e-14));
      for (std::size_t i = 1; i < watcher.steps.size(); ++i)
        if (watcher.steps[i].extrapolated) CHECK(result.history[i] >= result.history[i - 1]);
      if (n_components > 1) CHECK(watcher.n_extrapolated() > 0);
      some_rejected |= result.n_rejected > 0;
    }
  CHECK(some_rejected);
}

TEST_CASE("accelerate: what converges is a step of EM, not an extrapolation", "[serial]") {
  for (const double distance : {0.5, 1.0, 2.0})
    for (const double tol : {1e-3, 1e-5, 1e-7}) {
      const auto data = make_data(alone(), clusters(600, 2, 3, distance, 3), 2);
      FitOptions options = options_for("full", 3);
      options.tol = tol;
      Watcher watcher;
      const FitResult result = run(data, options, Acceleration::lbfgs, watcher);
      INFO("distance " << distance << ", tol " << tol);
      REQUIRE(result.converged);
      REQUIRE(!watcher.steps.back().extrapolated);
      const double last = result.history[result.n_iter] - result.history[result.n_iter - 1];
      CHECK(std::abs(last) / 600 < tol);
      // So would a plain fit say that goes on from there.
      const FitResult next = in_memory::fit(alone(), data, in_memory::exactly(1, result.model));
      CHECK(std::abs(next.history[1] - next.history[0]) / 600 < tol);
    }
}

TEST_CASE("accelerate: max_iter counts accepted steps, and no tolerance never converges", "[serial]") {
  const auto data = make_data(alone(), clusters(600, 2, 3, 1.0, 4), 2);
  FitOptions options = options_for("diag", 3);
  options.tol = 0.0;
  for (const int max_iter : {0, 1, 2, 3, 10, 300}) {
    options.max_iter = max_iter;
    const FitResult result = run(data, options, Acceleration::lbfgs);
    CHECK(!result.converged);
    CHECK(result.n_iter == max_iter);
    CHECK(std::ssize(result.history) == max_iter + 1);
  }
}

TEST_CASE("accelerate: regularised fits end at the point where plain ones do", "[serial]") {
  const auto data = make_data(alone(), clusters(600, 3, 3, 1.0, 5), 3);
  for (const std::string& type : gmmpi::covariance_types())
    for (const std::optional<double> reg_covar : {std::optional<double>(), std::optional<double>(0.3)}) {
      INFO(type << ", reg_covar " << reg_covar.value_or(-1.0));
      FitOptions options = options_for(type, 2);
      options.reg_covar = reg_covar;
      options.tol = 1e-10;
      Watcher watcher;
      const FitResult plain = run(data, options, Acceleration::none);
      const FitResult fast = run(data, options, Acceleration::lbfgs, watcher);
      REQUIRE(fast.converged);
      // Large regularisation: EM's own steps lower the log-likelihood, and nothing is extrapolated.
      CHECK(fast.n_sweeps <= (reg_covar ? plain.n_sweeps + 2 : plain.n_sweeps / 3));
      CHECK(fast.log_likelihood() == Approx(plain.log_likelihood()).margin(1e-6 * 600));
      for (std::size_t i = 1; i < watcher.steps.size(); ++i)
        if (watcher.steps[i].extrapolated) CHECK(fast.history[i] >= fast.history[i - 1]);
    }
}

TEST_CASE("accelerate: constant columns and tiny or huge units do no harm", "[serial]") {
  std::vector<double> rows = clusters(400, 4, 3, 1.0, 6);
  for (std::size_t n = 0; n < 400; ++n) {
    rows[4 * n + 1] = 0.1;
    rows[4 * n + 2] *= 1e-9;
    rows[4 * n + 3] = 1e9 + 1e3 * rows[4 * n + 3];
  }
  const auto data = make_data(alone(), rows, 4);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = options_for(type, 3);
    options.reg_covar.reset();
    options.init = gmmpi::Init::random_from_data;
    Watcher watcher;
    const FitResult result = run(data, options, Acceleration::lbfgs, watcher);
    CHECK(result.converged);
    CHECK(in_memory::all_finite(result));
    CHECK(watcher.n_extrapolated() > 0);
    for (int k = 0; k < 3; ++k) CHECK(result.model.means[4 * k + 1] == Approx(0.1).epsilon(1e-15));
  }
}

TEST_CASE("accelerate: after a reseed the path begins anew, with steps of EM", "[serial]") {
  // Without regularisation the fourth component ends on a single row, again and again.
  const auto data = make_data(alone(), clusters(1000, 2, 4, 1.5, 2), 2);
  FitOptions options = options_for("spherical", 4);
  options.max_iter = 200;
  Watcher watcher;
  const FitResult result = run(data, options, Acceleration::lbfgs, watcher);
  REQUIRE(result.reseeds.size() > 1);
  CHECK(watcher.n_extrapolated() > 20);
  CHECK(in_memory::all_finite(result));
  for (const gmmpi::Reseed& reseed : result.reseeds) {
    REQUIRE(reseed.iteration + 1 < result.n_iter);
    CHECK(!watcher.steps[reseed.iteration].extrapolated);
    CHECK(!watcher.steps[reseed.iteration + 1].extrapolated);
  }
}

TEST_CASE("accelerate: restarts know nothing of each other", "[serial]") {
  const auto data = make_data(alone(), clusters(500, 2, 4, 1.5, 8), 2);
  FitOptions options = options_for("diag", 4);
  options.init = gmmpi::Init::random_from_data;
  options.n_init = 4;
  const FitResult all = run(data, options, Acceleration::lbfgs);
  options.n_init = 1;
  std::int64_t n_sweeps = 0;
  int n_rejected = 0;
  for (int r = 0; r < 4; ++r) {
    options.seed = static_cast<std::uint64_t>(r);
    const FitResult one = run(data, options, Acceleration::lbfgs);
    n_sweeps += one.n_sweeps;
    n_rejected += one.n_rejected;
    CHECK(one.log_likelihood() == all.restart_log_likelihoods[r]);
    if (r == all.best_restart) CHECK(same_bits(one.history, all.history));
  }
  CHECK(all.n_sweeps == n_sweeps);
  CHECK(all.n_rejected == n_rejected);
}

TEST_CASE("accelerate: an extrapolation is rejected when the log-likelihood falls or is no number",
          "[serial]") {
  gmmpi::FitState state;
  gmmpi::AccelerationState path;
  state.history = {-7.0, -5.0};
  CHECK(!gmmpi::must_reject(state, path, -6.0));
  path.extrapolated = true;
  CHECK(!gmmpi::must_reject(state, path, -5.0));
  CHECK(!gmmpi::must_reject(state, path, -4.0));
  CHECK(gmmpi::must_reject(state, path, std::nextafter(-5.0, -6.0)));
  CHECK(gmmpi::must_reject(state, path, std::nan("")));
  CHECK(gmmpi::must_reject(state, path, -HUGE_VAL));
}
