// Uniform noise: mclust's numbers, a textbook EM in extended precision, same bits, what ends a fit, and what
// is refused.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/score.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;
using textbook::Real;

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

double relative_gap(const std::vector<double>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double worst = 0.0;
  for (std::size_t e = 0; e < actual.size(); ++e)
    worst = std::max(worst, std::abs(actual[e] - expected[e]) / std::abs(expected[e]));
  return worst;
}

/// A start of mclust's in the product's form. Of the noise only the weight counts.
gmmpi::Mixture model_of(const nlohmann::json& p, const std::string& type) {
  gmmpi::Mixture m = in_memory::make_model(
      type, {reference::flat(p["weights"]), reference::flat(p["means"]), reference::flat(p["covariances"])});
  m.noise.emplace().weight = p["noise_weight"];
  return m;
}

double gap(const nlohmann::json& expected, const gmmpi::FitResult& result) {
  const gmmpi::Mixture& m = result.model;
  const gmmpi::Mixture wanted = model_of(expected, std::string(m.structure->name()));
  const double log_likelihood = expected["log_likelihood"];
  return std::max(
      {relative_gap(m.weights, wanted.weights), relative_gap(m.means, wanted.means),
       relative_gap(m.covariances, wanted.covariances),
       relative_gap({m.noise->weight, result.log_likelihood()}, {wanted.noise->weight, log_likelihood})});
}

/// EM with noise, from equations alone: w_0 / V beside the components of a textbook mixture.
struct Textbook {
  textbook::Mixture mixture;  ///< its weights sum to 1 - w_0
  Real noise_weight;
  std::vector<Real> history{};

  void run(const std::string& type, const textbook::Rows& rows, Real log_volume, int n_iter, bool hard) {
    const int K = mixture.n_components();
    for (;; --n_iter) {
      const textbook::Density density(mixture);
      std::vector<Real> resp;
      Real log_likelihood = 0, noise = 0, components = 0;
      for (std::int64_t n = 0; n < rows.size(); ++n) {
        std::vector<Real> joint = density.log_joint(rows[n]);
        joint.push_back(std::log(noise_weight) - log_volume);
        const std::size_t best = std::max_element(joint.begin(), joint.end()) - joint.begin();
        Real sum = 0;
        for (const Real j : joint) sum += std::exp(j - joint[best]);
        log_likelihood += rows.weight(n) * (joint[best] + std::log(sum));
        for (std::size_t k = 0; k < joint.size(); ++k) {
          const Real share = hard ? Real(k == best) : std::exp(joint[k] - joint[best]) / sum;
          (k < static_cast<std::size_t>(K) ? components : noise) += rows.weight(n) * share;
          if (k < static_cast<std::size_t>(K)) resp.push_back(share);
        }
      }
      history.push_back(log_likelihood);
      if (n_iter == 0) return;
      mixture = textbook::m_step(type, rows, resp);
      const Real total = rows.total_weight();
      if (type == "tied")  // the textbook divides the pooled scatter by all rows
        for (Real& entry : mixture.covariances) entry *= total / components;
      noise_weight = noise / total;
    }
  }
};

/// Rows of K clusters and, every fifth, uniform ones in a box that is wider; weights unless they are to be 1.
struct Noisy {
  int d, K;
  std::vector<double> values, weights;

  Noisy(std::int64_t n, int d_, int K_, bool weighted)
      : d(d_), K(K_), values(in_memory::clusters(n, d_, K_, 3.0, 11)) {
    std::uint64_t state = 1;
    for (std::int64_t i = 0; i < n; ++i) {
      for (int j = 0; j < d && i % 5 == 0; ++j) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i * d + j] = 24.0 * (static_cast<double>(state >> 11) * 0x1p-53 - 0.5);
      }
      if (weighted) weights.push_back(i % 7 == 3 ? 0.0 : 0.5 * double(1 + i % 4));
    }
  }
  textbook::Rows rows() const { return {values, d, weights}; }
  gmmpi::MemoryData data(const gmmpi::Execution& execution) const {
    return in_memory::make_data(execution, values, d, weights);
  }
  /// From a row of each cluster as its mean.
  gmmpi::FitOptions options(const std::string& type, int n_iter) const {
    textbook::Mixture start{d, std::vector<Real>(K, Real(1) / K), {}, {}};
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < d; ++j) start.means.push_back(values[(k % 5 == 0 ? k + K : k) * d + j]);
    for (int e = 0; e < K * d * d; ++e) start.covariances.push_back(e % (d * d) % (d + 1) == 0 ? 2 : 0);
    gmmpi::FitOptions o = in_memory::exactly(n_iter, in_memory::make_model(type, start));
    o.noise.emplace().weight = 0.125;
    return o;
  }
};

/// Of the noise.
std::vector<double> parameter(const gmmpi::Mixture& m, const std::string& name) {
  for (const gmmpi::BackgroundField& f : m.noise->background->fields())
    if (f.name == name) return f.values;
  return {};
}

/// ln V of the smallest box.
Real log_box(const gmmpi::Data& data) {
  Real sum = 0;
  for (int j = 0; j < data.n_columns(); ++j)
    sum += std::log(Real(data.summary().maximum[j]) - Real(data.summary().minimum[j]));
  return sum;
}

void check_refused(const gmmpi::Data& data, const gmmpi::FitOptions& options, gmmpi::ExitCode code,
                   const std::string& word) {
  try {
    in_memory::fit(alone(), data, options);
    FAIL("not refused: " << word);
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == code);
    CHECK_THAT(e.what(), Catch::Contains(word));
  }
}

}  // namespace

TEST_CASE("noise: mclust's start, ten iterations and limit, for all types and two volumes", "[mpi]") {
  const auto file = reference::load_json("noise_mclust");
  REQUIRE(file["cases"].size() == 5);
  const auto rows = reference::load_data(file["data"]);
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows.values, rows.d());
  for (const auto& one : file["cases"]) {
    const std::string type = one["covariance_type"];
    INFO(type << ", V = " << one["volume"]);
    for (const auto& [n_iter, name] :
         {std::pair{0, "start"}, std::pair{10, "ten_iterations"}, std::pair{1500, "converged"}}) {
      gmmpi::FitOptions options = in_memory::exactly(n_iter, model_of(one["start"], type));
      options.noise.emplace();
      if (one["volume"] != file["box_volume"]) options.noise->volume = one["volume"];
      const gmmpi::FitResult result = in_memory::fit(execution, data, options);
      CHECK(gap(one[name], result) < 1e-11);
      CHECK(result.model.n_parameters() == one["n_parameters"].get<std::int64_t>());
      if (n_iter < 1500) continue;
      const gmmpi::Score score = gmmpi::score(execution, data, result.model);
      CHECK(relative_gap({score.bic}, {one["bic"].get<double>()}) < 1e-13);
    }
  }
}

TEST_CASE("noise: a textbook EM in extended precision, soft and hard, weighted, pruned or not", "[mpi]") {
  const auto execution = on(test_world());
  for (const Noisy& noisy : {Noisy(400, 3, 3, true), Noisy(700, 12, 7, false)})
    for (const std::string& type : kTypes)
      for (const bool hard : {false, true}) {
        INFO(noisy.d << " columns, " << type << (hard ? ", hard" : ""));
        const auto data = noisy.data(execution);
        gmmpi::FitOptions options = noisy.options(type, 12);
        options.engine = hard ? &gmmpi::find_engine("hard") : &gmmpi::find_engine("em");
        const gmmpi::FitResult result = in_memory::fit(execution, data, options);

        Textbook judge{in_memory::to_textbook(*options.start), 0.125L};
        for (Real& w : judge.mixture.weights) w *= 0.875L;
        judge.run(type, noisy.rows(), log_box(data), 12, hard);
        CHECK(judge.noise_weight > 0.05L);
        CHECK(result.model.noise->weight == Approx(static_cast<double>(judge.noise_weight)).epsilon(1e-11));
        CHECK(parameter(result.model, "log_volume")[0] ==
              Approx(static_cast<double>(log_box(data))).epsilon(1e-14));
        const auto away = textbook::difference(judge.mixture, in_memory::to_textbook(result.model));
        CHECK(static_cast<double>(std::max({away.weights, away.means, away.covariances})) < 1e-10);
        CHECK(relative_gap(result.history, {judge.history.begin(), judge.history.end()}) < 1e-12);

        options.skip = false;  // everything is computed: what was left out was exactly zero
        const gmmpi::FitResult all = in_memory::fit(execution, data, options);
        CHECK(all.model.noise->weight == Approx(result.model.noise->weight).epsilon(1e-12));
        if (hard) CHECK(in_memory::same_bits(all.model.means, result.model.means));
      }
}

TEST_CASE("noise: own starts, restarts, priors and labels give the same bits on any ranks, and never fall",
          "[mpi]") {
  const Noisy noisy(3000, 3, 3, false);
  const auto execution = on(test_world(), 2);
  const auto data = noisy.data(execution);
  const auto whole = noisy.data(alone());
  std::vector<double> labels(3000, -1.0);
  for (int n = 0; n < 3000; ++n)
    if (n % 50 == 1) labels[n] = n % 3;
  in_memory::VectorReader reader(labels, 1);
  for (const std::string variant : {"plain", "restarts", "prior", "labels", "trace", "fixed"}) {
    INFO(variant);
    const auto options_for = [&](const gmmpi::Execution& e, const gmmpi::Data& rows) {
      gmmpi::FitOptions o;
      o.structure = &gmmpi::find_structure("full");
      o.n_components = 3;
      o.noise.emplace();
      if (variant == "restarts") o.n_init = 3, o.short_runs = 4, o.init = gmmpi::Init::random_from_data;
      if (variant == "prior") o.prior.emplace().weight = 4.0;
      if (variant == "labels") o.labels = std::make_shared<gmmpi::RowLabels>(e, rows, reader, 3);
      if (variant == "trace") o.trace_bound = true;
      if (variant == "fixed") o.fixed.weights = true;
      return o;
    };
    const auto result = in_memory::fit(execution, data, options_for(execution, data));
    const auto same = in_memory::fit(alone(), whole, options_for(alone(), whole));
    CHECK(result.converged);
    CHECK(in_memory::same_bits(result.history, same.history));
    CHECK(in_memory::same_bits(result.model.covariances, same.model.covariances));
    CHECK(in_memory::same_bits({result.model.noise->weight}, {same.model.noise->weight}));
    if (variant != "fixed") CHECK(result.model.noise->weight == Approx(0.2).margin(0.03));
    double sum = result.model.noise->weight;
    for (const double w : result.model.weights) sum += w;
    CHECK(sum == Approx(1.0).epsilon(1e-14));
    const std::vector<double>& raised = variant == "prior" ? result.traces["log_posterior"] : result.history;
    for (std::size_t i = 1; i < raised.size(); ++i) CHECK(raised[i] >= raised[i - 1] - 1e-9);
    for (std::size_t i = 1; i < result.traces["kl"].size(); ++i) {
      CHECK(result.traces["kl"][i] >= 0.0);
      CHECK(result.traces["elbo"][i] >=
            result.history[i - 1] - 1e-9);  // the bound of the step before, raised
    }
  }
}

TEST_CASE("noise: a pilot fit hands its noise on, and a warm start keeps what it found", "[serial]") {
  const Noisy noisy(40000, 2, 3, false);
  const auto data = noisy.data(alone());
  gmmpi::FitOptions options;
  options.structure = &gmmpi::find_structure("full");
  options.n_components = 3;
  options.noise.emplace();
  const gmmpi::FitResult result = in_memory::fit(alone(), data, options);
  CHECK(parameter(result.model, "minimum") == data.summary().minimum);
  CHECK(parameter(result.model, "maximum") == data.summary().maximum);
  CHECK(result.model.noise->weight == Approx(0.2).margin(0.03));
  options.init = gmmpi::Init::model;
  options.start = result.model;
  options.max_iter = 0;
  const gmmpi::FitResult warm = in_memory::fit(alone(), data, options);
  CHECK(warm.log_likelihood() == result.log_likelihood());

  std::vector<double> sparse(noisy.values);  // a subsample of it has a constant column
  for (std::size_t e = 1; e < sparse.size(); e += 2) sparse[e] = e == 15555 ? 1.0 : 0.0;
  options.init = gmmpi::Init::kmeans;
  options.start.reset();
  options.max_iter = 2;
  const auto flat = in_memory::make_data(alone(), sparse, 2);
  CHECK(parameter(in_memory::fit(alone(), flat, options).model, "maximum")[1] == 1.0);
}

TEST_CASE("noise: a collapsed component is reseeded beside it, and noise that takes all ends the fit",
          "[serial]") {
  const Noisy noisy(300, 2, 2, false);
  const auto data = noisy.data(alone());
  gmmpi::FitOptions options = noisy.options("full", 30);
  options.start->means[0] = options.start->means[1] = 1e4;  // no row is near
  const gmmpi::FitResult result = in_memory::fit(alone(), data, options);
  REQUIRE(result.reseeds.size() >= 1);
  CHECK(result.reseeds[0].component == 0);
  options.max_iter = result.reseeds[0].iteration;
  const gmmpi::Mixture reseeded = in_memory::fit(alone(), data, options).model;
  CHECK(reseeded.weights[0] == Approx((1.0 - reseeded.noise->weight) / 2.0).epsilon(1e-14));
  CHECK(reseeded.weights[0] + reseeded.weights[1] + reseeded.noise->weight == Approx(1.0).epsilon(1e-14));

  options = noisy.options("full", 30);
  options.noise->volume = 1e-300;
  check_refused(data, options, gmmpi::ExitCode::numerical, "`noise_volume`");
}

TEST_CASE("noise: bad options, a flat box and a start with noise for a fit without are refused", "[serial]") {
  const Noisy noisy(300, 2, 2, false);
  const auto data = noisy.data(alone());
  const auto refuse = [&](auto change, const std::string& word) {
    gmmpi::FitOptions options = noisy.options("diag", 3);
    change(options);
    check_refused(data, options, gmmpi::ExitCode::usage, word);
  };
  refuse([](auto& o) { o.noise->weight = 0.0; }, "`noise_weight`");
  refuse([](auto& o) { o.noise->weight = 1.0; }, "`noise_weight`");
  refuse([](auto& o) { o.noise->volume = -1.0; }, "`noise_volume`");
  refuse([](auto& o) { o.noise->volume = INFINITY; }, "`noise_volume`");
  refuse([](auto& o) { o.noise->minimum = {0.0}, o.noise->maximum = {1.0}; }, "box");
  refuse([](auto& o) { o.engine = &gmmpi::find_engine("kmeans"); }, "`engine` kmeans");
  refuse([](auto& o) { o.engine = &gmmpi::find_engine("stepwise"); }, "`engine` stepwise");
  refuse([](auto& o) { o.accelerate = gmmpi::Acceleration::lbfgs; }, "`accelerate`");
  refuse([](auto& o) { o.start->noise.emplace(), o.noise.reset(); }, "give `noise`");

  std::vector<double> flat(noisy.values);
  for (std::size_t e = 1; e < flat.size(); e += 2) flat[e] = 7.0;
  const auto constant = in_memory::make_data(alone(), flat, 2);
  gmmpi::FitOptions options = noisy.options("diag", 3);
  options.reg_covar = 1.0;
  check_refused(constant, options, gmmpi::ExitCode::bad_data, "column 1 is constant");
  options.noise->volume = 24.0;
  CHECK(parameter(in_memory::fit(alone(), constant, options).model, "log_volume")[0] ==
        Approx(std::log(24.0)));
}
