// fit(): history and stop rule, weights, collapse, regularisation, restarts, refusals.
// covers: src/em/engines/em.cpp, src/em/engines/em_loop.cpp, src/em/progress.cpp, src/em/restarts.cpp, src/em/validate.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"

namespace {

using gmmpi::FitOptions;
using gmmpi::Init;
using in_memory::all_finite;
using in_memory::alone;
using in_memory::clusters;
using in_memory::make_data;
using in_memory::same_bits;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Init kInits[] = {Init::kmeans, Init::kmeans_plusplus, Init::random, Init::random_from_data};

FitOptions options_for(const std::string& type, int K) {
  FitOptions options;
  options.n_components = K;
  in_memory::set_kind(options, type);
  return options;
}

bool same_model(const gmmpi::Mixture& a, const gmmpi::Mixture& b) {
  return same_bits(a.weights, b.weights) && same_bits(a.means, b.means) &&
         same_bits(a.covariances, b.covariances);
}

/// The code of the Error that `fit` throws, ok if none.
gmmpi::ExitCode refusal(const gmmpi::Data& data, const FitOptions& options) {
  try {
    in_memory::fit(alone(), data, options);
  } catch (const gmmpi::Error& e) {
    CHECK(std::string(e.what()).find('\n') == std::string::npos);
    return e.code();
  }
  return gmmpi::ExitCode::ok;
}

/// 100 scattered rows, then 30 copies of one row far from them.
std::vector<double> rows_with_copies() {
  std::vector<double> rows = clusters(130, 2, 1, 0.0, 8);
  for (std::size_t e = 200; e < rows.size(); ++e) rows[e] = 20.0;
  return rows;
}

/// One component on the scattered rows, one on the copies: the second must become singular.
gmmpi::Mixture start_on_copies(const std::string& type) {
  const auto start = textbook::make_mixture("spherical", std::vector<double>{0.7, 0.3},
                                            std::vector<double>{0, 0, 20, 20}, std::vector<double>{1, 1});
  return in_memory::make_model(type, start);
}

}  // namespace

TEST_CASE("fit: the history has n_iter + 1 entries, rises, and ends with the model's log-likelihood",
          "[serial]") {
  const auto data = make_data(alone(), clusters(600, 3, 3, 2.0, 1), 3);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = options_for(type, 3);
    options.reg_covar = 0.0;
    const auto result = in_memory::fit(alone(), data, options);
    REQUIRE(result.converged);
    REQUIRE(result.n_iter > 0);
    REQUIRE(std::ssize(result.history) == result.n_iter + 1);
    CHECK(std::ssize(result.seconds) == result.n_iter + 1);
    for (int i = 1; i <= result.n_iter; ++i)
      CHECK(result.history[i] >= result.history[i - 1] - 1e-12 * std::abs(result.history[i]));
    const gmmpi::Score score = gmmpi::score(alone(), data, result.model);
    CHECK(score.log_likelihood == Approx(result.log_likelihood()).epsilon(1e-14));
  }
}

TEST_CASE("fit: it stops at the first change below the tolerance, never at tolerance 0", "[serial]") {
  const std::int64_t n_rows = 600;
  const auto data = make_data(alone(), clusters(n_rows, 3, 3, 2.0, 1), 3);
  FitOptions options = options_for("full", 3);
  options.tol = 1e-4;
  const auto result = in_memory::fit(alone(), data, options);
  REQUIRE(result.converged);
  for (int i = 1; i <= result.n_iter; ++i) {
    const double change = std::abs(result.history[i] - result.history[i - 1]) / n_rows;
    CHECK((change < 1e-4) == (i == result.n_iter));
  }
  options.tol = 0.0;
  options.max_iter = 400;  // far beyond the point where nothing moves any more
  const auto endless = in_memory::fit(alone(), data, options);
  CHECK(!endless.converged);
  CHECK(endless.n_iter == 400);
  options.max_iter = 0;
  const auto start_only = in_memory::fit(alone(), data, options);
  CHECK(start_only.history.size() == 1);
  CHECK(start_only.history[0] == endless.history[0]);
}

TEST_CASE("fit: an integer sample weight is that many equal rows", "[serial]") {
  const std::vector<double> rows = clusters(200, 2, 2, 2.0, 2);
  std::vector<double> weights, repeated;
  for (std::size_t n = 0; n < 200; ++n) {
    weights.push_back(static_cast<double>(n % 4));
    for (std::size_t copy = 0; copy < n % 4; ++copy)
      repeated.insert(repeated.end(), {rows[2 * n], rows[2 * n + 1]});
  }
  const auto weighted = make_data(alone(), rows, 2, weights);
  const auto plain = make_data(alone(), repeated, 2);
  CHECK(weighted.summary().total_weight == 300.0);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    FitOptions options = options_for(type, 2);
    options.init = Init::model;
    options.start = in_memory::make_model(
        type, textbook::make_mixture("spherical", std::vector<double>{0.5, 0.5},
                                     std::vector<double>(rows.begin(), rows.begin() + 4),
                                     std::vector<double>{4, 4}));
    const auto a = in_memory::fit(alone(), weighted, options);
    const auto b = in_memory::fit(alone(), plain, options);
    CHECK(a.n_iter == b.n_iter);
    CHECK(a.log_likelihood() == Approx(b.log_likelihood()).epsilon(1e-13));
    const auto gap = textbook::difference(in_memory::to_textbook(b.model), in_memory::to_textbook(a.model));
    CHECK(double(std::max({gap.weights, gap.means, gap.covariances})) < 1e-11);
    CHECK(gmmpi::score(alone(), weighted, a.model).bic ==
          Approx(gmmpi::score(alone(), plain, a.model).bic).epsilon(1e-13));
  }
}

TEST_CASE("fit: what stands in rows of weight zero leaves no trace, whatever the start", "[serial]") {
  std::vector<double> rows = clusters(300, 3, 3, 2.0, 3), other = rows;
  std::vector<double> weights(300, 1.5);
  for (std::size_t n = 0; n < 300; n += 5) {
    weights[n] = 0.0;
    for (std::size_t j = 0; j < 3; ++j) other[3 * n + j] = n % 2 ? kNaN : j == 1 ? HUGE_VAL : -1e308;
  }
  const auto a = make_data(alone(), rows, 3, weights), b = make_data(alone(), other, 3, weights);
  for (const std::string& type : gmmpi::covariance_types())
    for (const Init init : kInits) {
      INFO(type << ", init " << static_cast<int>(init));
      FitOptions options = options_for(type, 4);
      options.init = init;
      options.max_iter = 20;
      const auto left = in_memory::fit(alone(), a, options), right = in_memory::fit(alone(), b, options);
      CHECK(same_model(left.model, right.model));
      CHECK(same_bits(left.history, right.history));
    }
}

TEST_CASE("fit: a component that becomes singular is reseeded and recorded, without NaN", "[serial]") {
  const auto data = make_data(alone(), rows_with_copies(), 2);
  for (const std::string type : {"full", "diag", "spherical"}) {
    INFO(type);
    FitOptions options = in_memory::exactly(30, start_on_copies(type));
    const auto result = in_memory::fit(alone(), data, options);
    CHECK(all_finite(result));
    CHECK(result.n_iter <= 30);  // it may give up earlier
    REQUIRE(!result.reseeds.empty());
    CHECK(result.reseeds[0].component == 1);
    CHECK(result.reseeds[0].iteration == 1);
    CHECK(result.reseeds[0].restart == 0);
    for (const auto& reseed : result.reseeds) {
      CHECK(reseed.row >= 0);
      CHECK(reseed.row < 130);
      CHECK(reseed.iteration <= result.n_iter);
    }
    double sum = 0.0;
    for (const double w : result.model.weights) sum += w;
    CHECK(sum == Approx(1.0).epsilon(1e-14));
  }
}

TEST_CASE("fit: as many components as distinct rows end without NaN", "[serial]") {
  std::vector<double> rows;
  for (int n = 0; n < 60; ++n) rows.insert(rows.end(), {double(n % 10), double(n * n % 10)});
  const auto data = make_data(alone(), rows, 2);
  for (const std::string& type : gmmpi::covariance_types())
    for (const Init init : kInits) {
      INFO(type << ", init " << static_cast<int>(init));
      FitOptions options = options_for(type, 9);
      options.init = init;
      options.reg_covar = 0.0;
      options.max_iter = 50;
      try {
        const auto result = in_memory::fit(alone(), data, options);
        CHECK(all_finite(result));
      } catch (const gmmpi::Error& e) {
        CHECK(e.code() == gmmpi::ExitCode::numerical);
      }
      options.reg_covar.reset();  // the default must end well for all of them
      CHECK(all_finite(in_memory::fit(alone(), data, options)));
    }
}

TEST_CASE("fit: a component far from all rows is reseeded at the worst explained row", "[serial]") {
  std::vector<double> rows = clusters(200, 2, 1, 0.0, 5);
  rows[2 * 77] = 50.0;  // row 77 is the one that the near component explains worst
  const auto data = make_data(alone(), rows, 2);
  for (const std::string type : {"full", "diag", "spherical"}) {
    INFO(type);
    const auto start = textbook::make_mixture("spherical", std::vector<double>{0.5, 0.5},
                                              std::vector<double>{0, 0, 1e4, 1e4}, std::vector<double>{1, 1});
    const auto result =
        in_memory::fit(alone(), data, in_memory::exactly(1, in_memory::make_model(type, start)));
    REQUIRE(result.reseeds.size() == 1);
    CHECK(result.reseeds[0].component == 1);
    CHECK(result.reseeds[0].row == 77);
    CHECK(result.model.means[2] == 50.0);
    CHECK(result.model.weights == std::vector<double>{0.5, 0.5});
  }
}

TEST_CASE("fit: a collapse is Error 79 where that is asked for", "[serial]") {
  const auto data = make_data(alone(), rows_with_copies(), 2);
  for (const std::string type : {"full", "diag", "spherical"}) {
    FitOptions options = in_memory::exactly(30, start_on_copies(type));
    options.fail_on_collapse = true;
    CHECK(refusal(data, options) == gmmpi::ExitCode::numerical);
  }
}

TEST_CASE("fit: by default narrow components far apart keep their variances", "[serial]") {
  std::vector<double> rows = clusters(2000, 1, 1, 0.0, 1);
  for (std::size_t n = 1000; n < 2000; ++n) rows[n] += 1e4;
  const auto data = make_data(alone(), rows, 1);
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    double pooled = 0.0;
    const auto result = in_memory::fit(alone(), data, options_for(type, 2));
    for (int k = 0; k < 2; ++k) {
      double sum = 0.0, squares = 0.0;
      for (int n = 0; n < 1000; ++n) sum += rows[1000 * k + n] / 1000.0;
      for (int n = 0; n < 1000; ++n) squares += std::pow(rows[1000 * k + n] - sum, 2) / 1000.0;
      const int component = std::abs(result.model.means[0] - sum) < 100.0 ? 0 : 1;
      pooled += squares / 2.0;
      if (type != "tied") CHECK(gmmpi::full_covariance(result.model, component)[0] == Approx(squares).epsilon(1e-9));
    }
    if (type == "tied") CHECK(result.model.covariances[0] == Approx(pooled).epsilon(1e-9));
    CHECK(result.model.floored.empty());
    CHECK(result.reg_covar == std::vector<double>{0.0});
    CHECK(result.variance_floor[0] == Approx(1e-12 * 2.5e7).epsilon(0.01));
  }
}

TEST_CASE("fit: the default regularisation copes with a constant column", "[serial]") {
  std::vector<double> rows = clusters(200, 3, 2, 3.0, 6);
  for (std::size_t n = 0; n < 200; ++n) rows[3 * n + 1] = 0.1;
  const auto data = make_data(alone(), rows, 3);
  for (const std::string& type : gmmpi::covariance_types())
    for (const Init init : kInits) {
      INFO(type << ", init " << static_cast<int>(init));
      FitOptions options = options_for(type, 2);
      options.init = init;
      const auto result = in_memory::fit(alone(), data, options);
      CHECK(all_finite(result));
      REQUIRE(result.variance_floor.size() == 3);
      const double mean_floor = (result.variance_floor[0] + result.variance_floor[2]) / 3.0;
      CHECK(result.variance_floor[1] == Approx(mean_floor).epsilon(1e-12));
      CHECK(result.model.floored == (type == "spherical" ? std::vector<int>{} : std::vector<int>{0, 1}));
      CHECK(result.model.means[1] == Approx(0.1).epsilon(1e-15));
      if (type == "spherical") continue;
      CHECK(gmmpi::full_covariance(result.model, 0)[4] == Approx(result.variance_floor[1]).epsilon(1e-9));
    }
}

TEST_CASE("fit: a given regularisation is added to every variance once", "[serial]") {
  const std::vector<double> rows = clusters(200, 2, 2, 3.0, 7);
  const auto data = make_data(alone(), rows, 2);
  const std::vector<double> reg = {0.25, 0.25};
  for (const std::string& type : gmmpi::covariance_types()) {
    INFO(type);
    const auto start = textbook::make_mixture("spherical", std::vector<double>{0.5, 0.5},
                                              std::vector<double>(rows.begin(), rows.begin() + 4),
                                              std::vector<double>{4, 4});
    FitOptions options = in_memory::exactly(5, in_memory::make_model(type, start));
    options.reg_covar = 0.25;
    const auto result = in_memory::fit(alone(), data, options);
    const auto expected = textbook::run(type, {rows, 2}, start, 5, reg);
    const auto gap = textbook::difference(expected.mixture, in_memory::to_textbook(result.model));
    CHECK(double(std::max({gap.weights, gap.means, gap.covariances})) < 1e-12);
    CHECK(result.reg_covar == reg);
  }
}

TEST_CASE("fit: of several restarts the best is kept, and it is the fit of its own seed", "[serial]") {
  const auto data = make_data(alone(), clusters(500, 2, 6, 3.0, 9), 2);
  FitOptions options = options_for("diag", 6);
  options.init = Init::random_from_data;
  options.n_init = 6;
  options.seed = 40;
  const auto result = in_memory::fit(alone(), data, options);
  const auto& all = result.restart_log_likelihoods;
  REQUIRE(all.size() == 6);
  const auto best = std::max_element(all.begin(), all.end());
  CHECK(*std::min_element(all.begin(), all.end()) < *best - 1.0);  // else the test proves nothing
  CHECK(result.log_likelihood() == *best);
  CHECK(result.best_restart == best - all.begin());
  options.n_init = 1;
  options.seed = 40 + static_cast<std::uint64_t>(result.best_restart);
  const auto alone_fit = in_memory::fit(alone(), data, options);
  CHECK(same_model(alone_fit.model, result.model));
  CHECK(same_bits(alone_fit.history, result.history));
  CHECK(alone_fit.n_iter == result.n_iter);
}

TEST_CASE("fit: options out of range and impossible numbers of components are refused", "[serial]") {
  const std::vector<double> rows = {0, 1, 2, 3, 0, 1};  // three rows, two distinct
  const auto data = make_data(alone(), rows, 2);
  const auto weighted = make_data(alone(), rows, 2, std::vector<double>{1, 0, 0});
  const auto with = [](auto change) {
    FitOptions options = options_for("diag", 1);
    change(options);
    return options;
  };
  using gmmpi::ExitCode;
  CHECK(refusal(data, with([](auto&) {})) == ExitCode::ok);
  CHECK(refusal(data, with([](auto& o) { o.n_components = 0; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.n_init = 0; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.max_iter = -1; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.tol = -1.0; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.tol = kNaN; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.reg_covar = -1.0; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.reg_covar = kNaN; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.structure = nullptr; })) == ExitCode::usage);
  CHECK(refusal(data, with([](auto& o) { o.n_components = 4; })) == ExitCode::bad_data);
  CHECK(refusal(data, with([](auto& o) { o.n_components = 3; })) == ExitCode::bad_data);
  CHECK(refusal(data, with([](auto& o) { o.n_components = 2; })) == ExitCode::ok);
  CHECK(refusal(weighted, with([](auto& o) { o.n_components = 2; })) == ExitCode::bad_data);
  const auto three_columns = in_memory::make_model("diag", reference::Parameters{{1}, {0, 0, 0}, {1, 1, 1}});
  const auto two_components =
      in_memory::make_model("diag", reference::Parameters{{0.5, 0.5}, {0, 0, 1, 1}, {1, 1, 1, 1}});
  CHECK(refusal(data, with([&](auto& o) { o.init = Init::model, o.start = three_columns; })) ==
        ExitCode::bad_data);
  CHECK(refusal(data, with([&](auto& o) { o.init = Init::model, o.start = two_components; })) ==
        ExitCode::bad_data);
}
