// Supervised and semi-supervised fits: the reference's closed form, the textbook, starts, the same bits.
// covers: src/em/labelled_start.cpp
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

const std::vector<std::string> kTypes = {"full", "tied", "diag", "spherical"};

std::shared_ptr<const gmmpi::RowLabels> labels_of(const gmmpi::Execution& execution, const gmmpi::Data& data,
                                                  const std::vector<double>& values, int K) {
  in_memory::VectorReader reader(values, 1);
  return std::make_shared<gmmpi::RowLabels>(execution, data, reader, K);
}

std::vector<double> iris_classes() {
  std::vector<double> classes;
  for (int n = 0; n < 150; ++n) classes.push_back(n / 50);
  return classes;
}

/// Iris with every `step`-th row's class known.
std::vector<double> some_classes(int step) {
  std::vector<double> classes = iris_classes();
  for (int n = 0; n < 150; ++n)
    if (n % step != 0) classes[n] = -1;
  return classes;
}

gmmpi::FitOptions options_of(const std::string& type, int K) {
  gmmpi::FitOptions options;
  options.structure = &gmmpi::find_structure(type);
  options.n_components = K;
  options.reg_covar = 0.0;
  return options;
}

/// Responsibility 1 for the known classes; returns the sum of ln pi_c N(x | c), and of ln p(x) elsewhere.
double know(const std::vector<double>& classes, int K, textbook::Expectation& e) {
  textbook::Real sum = 0;
  for (std::size_t n = 0; n < classes.size(); ++n) {
    const int c = static_cast<int>(classes[n]);
    sum += c < 0 ? e.log_density[n] : e.log_joint[n * K + c];
    for (int k = 0; k < K && c >= 0; ++k) e.responsibilities[n * K + k] = k == c;
  }
  return static_cast<double>(sum);
}

double largest(const textbook::Difference& gap) {
  return static_cast<double>(std::max({gap.weights, gap.means, gap.covariances}));
}

}  // namespace

TEST_CASE("labels: all known give the reference's maximum likelihood of each class, on any ranks", "[mpi]") {
  const auto file = reference::load_json("supervised_iris");
  const auto rows = reference::load_data("iris");
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows.values, rows.d());
  const auto labels = labels_of(execution, data, iris_classes(), 3);
  for (const std::string& type : kTypes) {
    INFO(type);
    const auto& expected = file["by_type"][type];
    gmmpi::FitOptions options = options_of(type, 3);
    options.labels = labels;
    for (const auto engine : {&gmmpi::find_engine("em"), &gmmpi::find_engine("hard")}) {
      options.engine = engine;
      options.tol = 0.0;  // it has converged all the same
      const gmmpi::FitResult result = in_memory::fit(execution, data, options);
      CHECK(result.converged);
      CHECK(result.n_iter == 1);
      const auto wanted = textbook::make_mixture(type, reference::flat(expected["weights"]),
                                                 reference::flat(expected["means"]),
                                                 reference::flat(expected["covariances"]));
      CHECK(largest(textbook::difference(wanted, in_memory::to_textbook(result.model))) < 1e-13);
      const double joint = expected["joint_log_likelihood"];
      CHECK(std::abs(result.log_likelihood() - joint) < 1e-12 * std::abs(joint));
      const auto score = gmmpi::score(execution, data, result.model, {labels.get(), {}});
      CHECK(score.log_likelihood == result.log_likelihood());
      CHECK(score.icl == score.bic);
      const double mixture = expected["mixture_log_likelihood"];
      CHECK(std::abs(gmmpi::score(execution, data, result.model).log_likelihood - mixture) <
            1e-12 * std::abs(mixture));
    }
  }
}

TEST_CASE("labels: one class is the single Gaussian's maximum likelihood", "[serial]") {
  for (const auto& one : reference::load_cases("mle_k1_")) {
    INFO(one.name);
    const auto rows = reference::load_data(one.data);
    const auto data = in_memory::make_data(alone(), rows.values, rows.d());
    gmmpi::FitOptions options = options_of(one.covariance_type, 1);
    options.labels = labels_of(alone(), data, std::vector<double>(rows.n_rows, 0.0), 1);
    const auto result = in_memory::fit(alone(), data, options);
    CHECK(largest(textbook::difference(one.mixture(one.fitted), in_memory::to_textbook(result.model))) <
          1e-13);
    CHECK(std::abs(result.log_likelihood() - one.fitted_log_likelihood) <
          1e-13 * std::abs(one.fitted_log_likelihood));
  }
}

TEST_CASE("labels: known rows keep their class in every E-step, as in the textbook", "[mpi]") {
  const auto rows = reference::load_data("iris");
  std::vector<double> weights;
  for (int n = 0; n < 150; ++n) weights.push_back(n % 4 * 0.5);
  const auto execution = on(test_world());
  for (const auto& sample_weight : {std::vector<double>(), weights}) {
    const auto data = in_memory::make_data(execution, rows.values, rows.d(), sample_weight);
    const auto classes = some_classes(3);
    for (const std::string& type : kTypes) {
      INFO(type << (sample_weight.empty() ? "" : ", weighted"));
      const reference::Case one = reference::load_file("em_iris_k3_" + type).front();
      const int n_iter = 8;
      gmmpi::FitOptions options = in_memory::exactly(n_iter, in_memory::make_model(type, one.start));
      options.labels = labels_of(execution, data, classes, 3);
      const auto result = in_memory::fit(execution, data, options);
      textbook::Mixture mixture = one.mixture(one.start);
      const textbook::Rows view{rows.values, rows.d(), sample_weight};
      for (int i = 0; i <= n_iter; ++i) {
        auto e = textbook::e_step(view, mixture);
        for (std::size_t n = 0; n < classes.size(); ++n) {
          e.log_density[n] *= view.weight(n);
          for (int k = 0; k < 3; ++k) e.log_joint[n * 3 + k] *= view.weight(n);
        }
        const double sum = know(classes, 3, e);
        CHECK(std::abs(result.history[i] - sum) < 1e-11 * std::abs(sum));
        if (i < n_iter) mixture = textbook::m_step(type, view, e.responsibilities);
      }
      CHECK(largest(textbook::difference(mixture, in_memory::to_textbook(result.model))) < 1e-10);
    }
  }
}

TEST_CASE("labels: some known make the fit find the classes, from either start, with the same bits",
          "[mpi]") {
  const auto rows = reference::load_data("iris");
  const auto execution = on(test_world());
  const auto data = in_memory::make_data(execution, rows.values, rows.d());
  const auto whole = in_memory::make_data(alone(), rows.values, rows.d());
  std::vector<double> no_second = some_classes(3);  // class 1 is to be found among the unlabelled
  for (double& c : no_second)
    if (c == 1) c = -1;
  for (const auto& classes : {some_classes(5), some_classes(25), no_second}) {
    for (const auto engine : {&gmmpi::find_engine("em"), &gmmpi::find_engine("hard")}) {
      gmmpi::FitOptions options = options_of("full", 3);
      options.engine = engine;
      options.labels = labels_of(execution, data, classes, 3);
      const auto result = in_memory::fit(execution, data, options);
      options.labels = labels_of(alone(), whole, classes, 3);
      const auto same = in_memory::fit(alone(), whole, options);
      CHECK(result.converged);
      CHECK(in_memory::same_bits(result.history, same.history));
      CHECK(in_memory::same_bits(result.model.covariances, same.model.covariances));
      const auto& raised = result.values(engine->objective().trace);
      for (std::size_t i = 1; i < raised.size(); ++i) CHECK(raised[i] >= raised[i - 1] - 1e-9);
      // Component k is class k: their mean petal lengths are 1.46, 4.26 and 5.55.
      CHECK(result.model.means[2] == Approx(1.46).margin(0.1));
      CHECK(result.model.means[6] == Approx(4.26).margin(0.4));
      CHECK(result.model.means[10] == Approx(5.55).margin(0.4));
    }
  }
}

TEST_CASE("labels: acceleration raises the same likelihood", "[serial]") {
  const auto rows = reference::load_data("iris");
  const auto data = in_memory::make_data(alone(), rows.values, rows.d());
  gmmpi::FitOptions options = options_of("full", 3);
  options.labels = labels_of(alone(), data, some_classes(10), 3);
  options.tol = 1e-10;
  const auto plain = in_memory::fit(alone(), data, options);
  options.accelerate = gmmpi::Acceleration::lbfgs;
  const auto fast = in_memory::fit(alone(), data, options);
  CHECK(fast.log_likelihood() == Approx(plain.log_likelihood()).epsilon(1e-7));
  CHECK(fast.n_sweeps < plain.n_sweeps);
}

TEST_CASE("labels: a class without a proper covariance is an error that says so", "[serial]") {
  const std::vector<double> rows{0, 0, 1, 1, 2, 0, 5, 5};
  const auto data = in_memory::make_data(alone(), rows, 2);
  gmmpi::FitOptions options = options_of("full", 2);
  options.labels = labels_of(alone(), data, {0, 0, 0, 1}, 2);
  try {
    in_memory::fit(alone(), data, options);
    FAIL("class 1 has one row");
  } catch (const gmmpi::Error& e) {
    CHECK(e.code() == gmmpi::ExitCode::numerical);
    CHECK_THAT(e.what(), Catch::Contains("class 1 has too few distinct rows"));
  }
  options.reg_covar.reset();
  CHECK(in_memory::fit(alone(), data, options).converged);
  options.reg_covar = 0.0;
  options.prior = gmmpi::PriorOptions();
  CHECK(in_memory::fit(alone(), data, options).converged);
}

TEST_CASE("labels: random starts, k-means and the lower bound are refused", "[serial]") {
  const auto rows = reference::load_data("iris");
  const auto data = in_memory::make_data(alone(), rows.values, rows.d());
  gmmpi::FitOptions options = options_of("full", 3);
  options.labels = labels_of(alone(), data, some_classes(5), 3);
  for (const auto init : {gmmpi::Init::random, gmmpi::Init::random_from_data}) {
    options.init = init;
    CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("take no notice of `labels`"));
  }
  options.init = gmmpi::Init::kmeans;
  options.trace_bound = true;
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`trace` elbo"));
  options.trace_bound = false;
  options.engine = &gmmpi::find_engine("kmeans");
  CHECK_THROWS_WITH(in_memory::fit(alone(), data, options), Catch::Contains("`engine` kmeans"));
}
