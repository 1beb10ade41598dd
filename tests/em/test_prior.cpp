// MAP fits: mclust's numbers, a log posterior that never falls and is largest where the M-step ends, same
// bits.
// covers: src/em/prior_of_data.cpp, src/model/prior.cpp
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/error.hpp"
#include "kernels/scatter.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using in_memory::alone;
using in_memory::on;

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

/// The textbook knows four types: those structures that are one of them but for what components share.
std::string textbook_type(const std::string& type) {
  return type == "EEI" ? "diag" : type;
}

textbook::Mixture mixture_of(const nlohmann::json& p, const std::string& type) {
  return textbook::make_mixture(textbook_type(type), reference::flat(p["weights"]),
                                reference::flat(p["means"]), reference::flat(p["covariances"]));
}

double gap(const textbook::Mixture& expected, const gmmpi::FitResult& result) {
  const gmmpi::Mixture& m = result.model;
  const std::string type = textbook_type(std::string(m.structure->name()));
  const auto d =
      textbook::difference(expected, textbook::make_mixture(type, m.weights, m.means, m.covariances));
  return static_cast<double>(std::max({d.weights, d.means, d.covariances}));
}

std::shared_ptr<const gmmpi::RowLabels> labels_of(const gmmpi::Execution& execution, const gmmpi::Data& data,
                                                  const std::vector<double>& values, int K) {
  in_memory::VectorReader reader(values, 1);
  return std::make_shared<gmmpi::RowLabels>(execution, data, reader, K);
}

gmmpi::FitOptions with_prior(const std::string& type, int K) {
  gmmpi::FitOptions options;
  in_memory::set_kind(options, type);
  options.n_components = K;
  options.prior = gmmpi::PriorOptions();
  return options;
}

/// Log posterior of these parameters.
double log_posterior(const gmmpi::Data& data, gmmpi::FitOptions options, gmmpi::Mixture model) {
  gmmpi::factorise(model, *alone().kernels);
  options.init = gmmpi::Init::model;
  options.start = model;
  options.labels.reset();
  options.max_iter = 0;
  return in_memory::fit(alone(), data, options).traces["log_posterior"].at(0);
}

}  // namespace

TEST_CASE("prior: mclust's M-step, and what its EM converges to, on any ranks", "[mpi]") {
  const auto file = reference::load_json("map_mclust");
  REQUIRE(file["cases"].size() == 16);
  for (const auto& one : file["cases"]) {
    const std::string type = one["covariance_type"];
    INFO(one["data"] << " " << type << ", shrinkage " << one["shrinkage"]);
    const auto rows = reference::load_data(one["data"]);
    const auto execution = on(test_world());
    const auto data = in_memory::make_data(execution, rows.values, rows.d());
    const int K = one["n_components"];
    gmmpi::FitOptions options = with_prior(type, K);
    options.prior->shrinkage = one["shrinkage"];
    options.labels = labels_of(execution, data, reference::flat(one["labels"]), K);
    const auto step = in_memory::fit(execution, data, options);
    CHECK(step.n_iter == 1);
    CHECK(gap(mixture_of(one["step"], type), step) < 1e-12);

    options.labels.reset();
    options.init = gmmpi::Init::model;
    options.start = step.model;
    options.tol = 0.0;
    options.max_iter = 1000;
    const auto end = in_memory::fit(execution, data, options);
    CHECK(gap(mixture_of(one["converged"], type), end) < 1e-10);
    const double expected = one["log_likelihood"];
    CHECK(std::abs(end.log_likelihood() - expected) < 1e-12 * std::abs(expected));
  }
}

TEST_CASE("prior: the log posterior never falls, and every rank count gives the same bits", "[mpi]") {
  const auto rows = reference::load_data("overlap3d");
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows.values, rows.d());
  const auto whole = in_memory::make_data(alone(), rows.values, rows.d());
  for (const std::string& type : kTypes)
    for (const auto engine : {&gmmpi::find_engine("em"), &gmmpi::find_engine("hard")})
      for (const double strength : {0.0, 0.01, 20.0}) {
        INFO(type << ", " << strength);
        gmmpi::FitOptions options = with_prior(type, 5);
        options.engine = engine;
        options.prior->shrinkage = strength;
        options.prior->weight = 1.0 + strength;
        options.tol = 1e-9;
        const auto result = in_memory::fit(execution, data, options);
        CHECK(result.converged);
        CHECK(result.reseeds.empty());
        CHECK(result.n_recentred == 0);
        REQUIRE(result.traces["log_posterior"].size() == result.history.size());
        for (std::size_t i = 1; i < result.traces["log_posterior"].size(); ++i)
          CHECK(result.traces["log_posterior"][i] >= result.traces["log_posterior"][i - 1] - 1e-10);
        const auto same = in_memory::fit(alone(), whole, options);
        CHECK(in_memory::same_bits(result.traces["log_posterior"], same.traces["log_posterior"]));
        CHECK(in_memory::same_bits(result.model.covariances, same.model.covariances));
      }
}

TEST_CASE("prior: with known classes no parameters are more probable than those of the M-step", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, rows.d());
  for (const std::string& type : kTypes) {
    INFO(type);
    gmmpi::FitOptions options = with_prior(type, 1);  // one component: nothing is hidden
    options.prior->shrinkage = 30.0;
    options.prior->scale = 2.0;
    options.tol = 1e-13;
    const auto best = in_memory::fit(alone(), data, options);
    const double highest = best.traces["log_posterior"].back();
    for (const double change : {-1e-3, 1e-3}) {
      for (int j = 0; j < 3; ++j) {
        gmmpi::Mixture moved = best.model;
        moved.means[j] += change;
        CHECK(log_posterior(data, options, moved) < highest);
      }
      for (std::size_t e = 0; e < best.model.covariances.size(); ++e) {
        gmmpi::Mixture moved = best.model;
        moved.covariances[e] += change;
        const bool matrix = moved.covariances.size() == 9;
        if (matrix && e % 3 != e / 3) moved.covariances[e % 3 * 3 + e / 3] += change;
        CHECK(log_posterior(data, options, moved) < highest);
      }
    }
  }
  gmmpi::FitOptions options = with_prior("full", 3);
  options.prior->weight = 50.0;
  options.tol = 1e-13;
  options.max_iter = 5000;
  const auto best = in_memory::fit(alone(), data, options);
  for (const double change : {-1e-3, 1e-3}) {
    gmmpi::Mixture moved = best.model;
    moved.weights[0] += change;
    moved.weights[1] -= change;
    CHECK(log_posterior(data, options, moved) < best.traces["log_posterior"].back());
  }
}

TEST_CASE("prior: a component that loses its rows keeps what the prior says", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, 3);
  for (const std::string& type : kTypes) {
    INFO(type);
    reference::Case one = reference::load_file("em_overlap3d_k3_" + type).front();
    for (int j = 0; j < 3; ++j) one.start.means[j] = 1e6;
    gmmpi::FitOptions options = with_prior(type, 3);
    options.init = gmmpi::Init::model;
    options.start = in_memory::make_model(type, one.start);
    options.max_iter = 1;
    options.fail_on_collapse = true;
    const auto result = in_memory::fit(alone(), data, options);
    const gmmpi::Prior& prior = *result.prior;
    CHECK(result.model.weights[0] == 0.0);
    for (int j = 0; j < 3; ++j) CHECK(result.model.means[j] == Approx(prior.mean[j]).epsilon(1e-9));
    const double count = gmmpi::prior_count(prior, *options.structure, 3, 3);
    for (std::size_t e = 0; e < prior.scale.size() && type != "tied"; ++e) {
      const double scale = prior.scale[e] / (type == "spherical" ? 3.0 : 1.0);
      CHECK(result.model.covariances[e] == Approx(scale / count));
    }
    options.prior->shrinkage = 0.0;  // then its mean could be anything
    CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("component 0 collapsed"));
  }
}

TEST_CASE("prior: units and offsets of the columns play no part", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  std::vector<double> scaled = rows.values;
  for (std::size_t e = 0; e < scaled.size(); ++e)
    scaled[e] *= e % 3 == 0 ? 0x1p-30 : e % 3 == 1 ? 0x1p20 : 1.0;
  const auto data = in_memory::make_data(alone(), rows.values, 3),
             other = in_memory::make_data(alone(), scaled, 3);
  for (const std::string type : {"full", "tied", "diag"}) {
    gmmpi::FitOptions options = with_prior(type, 3);
    options.max_iter = 5;
    options.init = gmmpi::Init::model;
    reference::Case one = reference::load_file("em_overlap3d_k3_" + type).front();
    options.start = in_memory::make_model(type, one.start);
    const auto a = in_memory::fit(alone(), data, options);
    for (std::size_t e = 0; e < one.start.means.size(); ++e)
      one.start.means[e] *= scaled[e % 3] / rows.values[e % 3];
    auto& c = one.start.covariances;
    const bool matrix = type != std::string("diag");
    for (std::size_t e = 0; e < c.size(); ++e) {
      const std::size_t i = matrix ? e / 3 % 3 : e % 3, j = e % 3;
      c[e] *= scaled[i] / rows.values[i] * (scaled[j] / rows.values[j]);
    }
    options.start = in_memory::make_model(type, one.start);
    const auto b = in_memory::fit(alone(), other, options);
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(b.model.weights[k] == Approx(a.model.weights[k]).epsilon(1e-10));
  }
}

TEST_CASE("prior: options that make none are refused", "[serial]") {
  const auto rows = reference::load_data("overlap3d");
  const auto data = in_memory::make_data(alone(), rows.values, 3);
  const auto refused = [&](const gmmpi::FitOptions& options, const std::string& why) {
    CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains(why));
  };
  gmmpi::FitOptions options = with_prior("full", 2);
  options.prior->dof = 2.0;
  refused(options,
          "`prior_dof` makes no proper prior of full covariances of these columns: give a finite number > 2");
  options.structure = &gmmpi::find_structure("diag");
  CHECK(in_memory::fit(alone(), data, options).converged);
  options.prior->dof = 0.0;
  refused(options,
          "`prior_dof` makes no proper prior of diag covariances of these columns: give a finite number > 0");
  options = with_prior("full", 2);
  options.prior->shrinkage = -1.0;
  refused(options, "`prior_shrinkage`");
  options = with_prior("full", 2);
  options.prior->weight = 0.5;
  refused(options, "`prior_weight`");
  options = with_prior("full", 2);
  options.prior->scale = 0.0;
  refused(options, "`prior_scale`");
  options = with_prior("full", 2);
  options.accelerate = gmmpi::Acceleration::lbfgs;
  refused(options, "`accelerate`");
  options = with_prior("bernoulli", 2);
  refused(options, "Gaussian");
}
