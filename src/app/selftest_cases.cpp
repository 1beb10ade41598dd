// The fits of `gmmpi selftest`.
#include "app/selftest_cases.hpp"

#include <cmath>
#include <map>
#include <memory>

#include "data/vector_reader.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/data/stream_data.hpp"
#include "gmmpi/data/transformed_reader.hpp"
#include "gmmpi/inference/principal_components.hpp"
#include "gmmpi/inference/simulate.hpp"
#include "gmmpi/io/model_file.hpp"
#include "inference/drawn_data.hpp"

namespace gmmpi::app {

namespace {

constexpr std::uint64_t kSeed = 20260101;

/// The rows of a case and what belongs to them; the same on every rank.
struct DrawnRows {
  std::unique_ptr<DataReader> rows, weights, errors;

  DrawnRows(const SelfTestRows& wanted, const KernelTable& kernels) {
    const Mixture mixture = random_mixture({.n_components = wanted.n_components,
                                            .n_features = wanted.n_features,
                                            .structure = wanted.structure,
                                            .separation = 1.0,
                                            .seed = kSeed},
                                           kernels);
    const Sampler sampler(mixture, kSeed, kernels);
    const Index n = wanted.n_rows, d = wanted.n_features;
    std::vector<double> x(n * d), w(n), e(n * d);
    for (Index i = 0; i < n; ++i) {
      sampler.draw(i, x.data() + i * d);
      w[i] = i % 7 == 3 ? 0.0 : 0.25 * static_cast<double>(1 + i % 13);
      for (Index j = 0; j < d; ++j) {
        double& value = x[i * d + j];
        if (wanted.binary) value = value > 0.0 ? 1.0 : 0.0;
        if (wanted.gaps && (i * (2 * j + 3) + j) % 11 < i % 4) value = std::nan("");
        e[i * d + j] = 0.0625 * static_cast<double>((5 * i + 3 * j) % 16);
      }
    }
    rows = std::make_unique<VectorReader>("drawn rows", std::move(x), wanted.n_features);
    if (wanted.weighted) weights = std::make_unique<VectorReader>("weights", std::move(w), 1);
    if (wanted.errors) errors = std::make_unique<VectorReader>("errors", std::move(e), wanted.n_features);
  }
};

FitOptions options_of(const SelfTestCase& test) {
  FitOptions f;
  f.n_components = test.rows.n_components;
  f.structure = test.rows.structure;
  f.tol = 0.0;
  f.max_iter = 8;
  f.seed = kSeed;
  if (test.choose) test.choose(f);
  return f;
}

/// What every mixture has by default.
const CovarianceStructure& usual_structure() {
  return *covariance_structures().back();
}

using Cases = std::vector<SelfTestCase>;

void add_structures(Cases& cases) {
  for (const CovarianceStructure* s : covariance_structures())
    cases.push_back({"covariances " + std::string(s->mclust_name()), {3, 4, 2000, s}});
}

void add_components(Cases& cases) {
  for (const std::string& name : component_names()) {
    const Component& component = find_component(name);
    if (&component == FitOptions().component) continue;
    const auto choose = [&component](FitOptions& f) {
      f.component = &component;
      if (!component.has_covariances()) f.structure = &unconstrained(no_covariances());
    };
    cases.push_back({"components " + name, {3, 8, 2000, &usual_structure(), component.is_binary()}, choose});
  }
}

void add_engines(Cases& cases) {
  for (const Engine* engine : engines())
    if (engine != &default_engine())
      cases.push_back({"engine " + std::string(engine->name()),
                       {4, 3, 8000, &usual_structure()},
                       [engine](FitOptions& f) { f.engine = engine; }});
}

void add_starts(Cases& cases) {
  const auto from = [](Init init) { return [init](FitOptions& f) { f.init = init; }; };
  const SelfTestRows rows{6, 2, 3000, &usual_structure()};
  cases.push_back({"start k-means++", rows, from(Init::kmeans_plusplus)});
  cases.push_back({"start random", rows, from(Init::random)});
  cases.push_back({"start random-from-data", rows, from(Init::random_from_data)});
  cases.push_back({"start restarts, short runs", rows, [](FitOptions& f) {
                     f.n_init = 3;
                     f.short_runs = 2;
                   }});
}

void add_rows(Cases& cases) {
  const CovarianceStructure* usual = &usual_structure();
  cases.push_back({"40 columns", {3, 40, 2000, usual}});
  cases.push_back(
      {"weights",
       {.n_components = 3, .n_features = 4, .n_rows = 2000, .structure = usual, .weighted = true}});
  for (const int d : {5, 12})
    cases.push_back({"missing values, " + std::to_string(d) + " columns",
                     {.n_components = 3, .n_features = d, .n_rows = 2000, .structure = usual, .gaps = true}});
  cases.push_back({"measurement errors",
                   {.n_components = 3, .n_features = 4, .n_rows = 2000, .structure = usual, .errors = true}});
  cases.push_back({.name = "principal components", .rows = {3, 6, 2000, usual}, .n_principal_components = 3});
}

void add_options(Cases& cases) {
  const SelfTestRows rows{4, 3, 2000, &usual_structure()};
  cases.push_back({"background noise", rows, [](FitOptions& f) { f.noise = NoiseOptions{}; }});
  cases.push_back({"prior", rows, [](FitOptions& f) { f.prior = PriorOptions{}; }});
  cases.push_back({"quasi-Newton steps", rows, [](FitOptions& f) {
                     f.accelerate = Acceleration::lbfgs;
                     f.max_iter = 20;
                   }});
}

}  // namespace

const std::vector<SelfTestCase>& selftest_cases() {
  static const Cases all = [] {
    Cases cases;
    for (const auto add : {add_structures, add_components, add_engines, add_starts, add_rows, add_options})
      add(cases);
    return cases;
  }();
  return all;
}

std::string recorded_digest(const std::string& name) {
  static const std::map<std::string, std::string> recorded{
      {"covariances EII", "848618f453050955292f61581425aa3b"},
      {"covariances VII", "6d87080ba011f0e4bea4800fa8c0a331"},
      {"covariances EEI", "4d96f8704e997514ff843695ce0fd410"},
      {"covariances VEI", "ea686b823e33f50beefb82def782cfb1"},
      {"covariances EVI", "369dfc260f84814dc5ec932ee4bced3d"},
      {"covariances VVI", "7069cff45d3ebda71e1b4f49f2507868"},
      {"covariances EEE", "f5853f4d4e2e4c188bc0b59e96d7cc25"},
      {"covariances VEE", "07a1e46ea31767fa1e42f533ae8463d0"},
      {"covariances EVE", "f7bd1de362180c0db17df0ea83bf6502"},
      {"covariances VVE", "522e498429c1023fc44b81fccc6147ff"},
      {"covariances EEV", "e60eaa65509b80284a56ac96cd39f0ff"},
      {"covariances VEV", "962a4f7bd81f8bb14007a95039aefe97"},
      {"covariances EVV", "f0b1bd1521ee1d18fecde91e32888f79"},
      {"covariances VVV", "b24ec6085e371054ba2f3079556f893b"},
      {"components student", "d33c8cf81abf7c6f78ad2d17aaa1cd97"},
      {"components bernoulli", "b315aedee1450780d05f6b78f50548ff"},
      {"engine hard", "4d2b0692635667be7949058958f437be"},
      {"engine kmeans", "54a1b5cc657729f7085f21c8779fe60e"},
      {"engine stepwise", "8eee323e82530c372a34422fe0f52525"},
      {"engine sequential", "66824c998ac5414f4d72788599eb7175"},
      {"start k-means++", "89f85f20315d45792ca04c12618ef932"},
      {"start random", "70745e3a551b995b0272262990e8e31f"},
      {"start random-from-data", "d34f739dc0849eeae8fa8a798ec84e96"},
      {"start restarts, short runs", "54ffd954222561b35ba366c610a1f81e"},
      {"40 columns", "8eb4a732131b588aeb408d43615177e2"},
      {"weights", "ab46751acaedaa00491491ecb30e4dd7"},
      {"missing values, 5 columns", "e2a554f618c8cbc485e321ef80d2a97b"},
      {"missing values, 12 columns", "96a81f9112d93b3bb3253cd0010cc36d"},
      {"measurement errors", "59dd7f5a73abde6bfab969f68493656f"},
      {"principal components", "5c3d97db998879b974b0089d2ed496ed"},
      {"background noise", "1e657fd5709697a8156b529772d68523"},
      {"prior", "9519b0b32633b93d6eb8b17d6dd41ca9"},
      {"quasi-Newton steps", "cbb045553185bdff233e74612bf93cf3"},
  };
  const auto found = recorded.find(name);
  return found == recorded.end() ? "" : found->second;
}

std::string digest_of_case(const Execution& execution, const SelfTestCase& test, bool streamed) {
  DrawnRows drawn(test.rows, *execution.kernels);
  FitOptions options = options_of(test);
  if (const int n = test.n_principal_components; n > 0) {
    options.transform =
        principal_components(execution, MemoryData(execution, *drawn.rows, nullptr)).transform(n, true);
    drawn.rows = std::make_unique<TransformedReader>(std::move(drawn.rows), options.transform,
                                                     TransformedReader::Direction::apply, false, "selftest");
  }
  DataReader &rows = *drawn.rows, *weights = drawn.weights.get(), *errors = drawn.errors.get();
  const Missing missing = test.rows.gaps ? Missing::em : Missing::error;
  const RowFormat format{rows.n_columns(), ElementType::f8, errors ? rows.n_columns() : 0, ElementType::f8};
  std::unique_ptr<Data> data;
  if (streamed)
    data = std::make_unique<StreamData>(execution, rows, weights,
                                        2 * StreamData::least_bytes(BlockGrid(rows.n_rows()), format),
                                        missing, errors);
  else
    data = std::make_unique<MemoryData>(execution, rows, weights, missing, errors);
  FitObserver nobody;
  ModelRecord record;
  record.result = fit(execution, *data, options, nobody);
  record.options = options;
  record.data = data->summary();
  return model_digest(record);
}

}  // namespace gmmpi::app
