// predict and its outliers against the textbook, the reference, and plain sorting.
// covers: src/inference/outliers.cpp, src/inference/sample.cpp, src/inference/tile_posterior.cpp
#include "gmmpi/inference/predict.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/inference/sample.hpp"
#include "inference/collected_rows.hpp"
#include "support/in_memory.hpp"
#include "support/world.hpp"

namespace {

using gmmpi::Index;
using gmmpi::Mixture;
using gmmpi::OutlierRule;
using gmmpi::PredictOptions;
using in_memory::on;

PredictOptions everything() {
  return {.responsibilities = true, .log_density = true, .mahalanobis = true};
}

/// Rows, some of weight zero or of odd weights, and a model of them.
struct Setting {
  int d = 3, K = 3;
  std::vector<double> rows, weights;
  Mixture mixture;

  explicit Setting(Index n_rows, bool weighted = false) : rows(in_memory::clusters(n_rows, d, 3, 2.0, 5)) {
    for (Index n = 0; n < n_rows && weighted; ++n)
      weights.push_back(n % 5 == 2 ? 0.0 : 0.5 * double(1 + n % 3));
    const std::vector<double> means(rows.begin(), rows.begin() + K * d);
    mixture =
        in_memory::make_model("full", textbook::make_mixture("spherical", std::vector<double>{0.2, 0.3, 0.5},
                                                             means, std::vector<double>{2, 1, 3}));
  }
  Index n_rows() const { return std::ssize(rows) / d; }
};

struct Predicted {
  std::vector<double> labels, responsibilities, log_density, mahalanobis, outliers;
  gmmpi::PredictCounts counts;
  Index n_writes = 0;
};

/// Collective.
Predicted predict_all(const gmmpi::Execution& execution, const Setting& s, const PredictOptions& options) {
  const auto data = in_memory::make_data(execution, s.rows, s.d, s.weights);
  const CollectedRows sink(execution.comm, s.n_rows(), gmmpi::predict_columns(options, s.mixture));
  Predicted p;
  p.counts = gmmpi::predict(execution, data, s.mixture, options, sink);
  p.labels = sink.all("/labels");
  p.responsibilities = sink.all("/responsibilities");
  p.log_density = sink.all("/log_density");
  p.mahalanobis = sink.all("/mahalanobis");
  p.outliers = sink.all("/outliers");
  p.n_writes = sink.n_writes();
  return p;
}

/// The test of a rule on the setting's rows.
gmmpi::OutlierTest test_of(const gmmpi::Execution& execution, const Setting& s, OutlierRule rule, double q) {
  return gmmpi::outlier_test(execution, in_memory::make_data(execution, s.rows, s.d, s.weights), s.mixture,
                             rule, q);
}

}  // namespace

TEST_CASE("predict: the reference's Mahalanobis distances", "[mpi]") {
  const nlohmann::json file = reference::load_json("mahalanobis");
  for (const nlohmann::json& block : file.at("models")) {
    INFO(block["source"]);
    const Mixture m = in_memory::make_model(
        block.at("covariance_type"), {reference::flat(block["weights"]), reference::flat(block["means"]),
                                      reference::flat(block["covariances"])});
    const reference::Data table = reference::load_data(block.at("data"));
    const gmmpi::Execution execution = on(test_world());
    const auto data = in_memory::make_data(execution, table.values, table.d());
    const CollectedRows sink(execution.comm, table.n_rows, gmmpi::predict_columns(everything(), m));
    gmmpi::predict(execution, data, m, everything(), sink);
    const std::vector<double> distances = sink.all("/mahalanobis");
    const auto rows = block["rows"].get<std::vector<Index>>();
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (int k = 0; k < m.n_components; ++k)
        CHECK(distances[rows[i] * m.n_components + k] ==
              Approx(block["distances"][i][k].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("predict: what the textbook says of each row", "[mpi]") {
  const Setting s(1000);
  const Predicted p = predict_all(on(test_world(), 2), s, everything());
  const textbook::Mixture mixture = in_memory::to_textbook(s.mixture);
  const auto expected = textbook::e_step({s.rows, s.d}, mixture);
  const textbook::Density density(mixture);
  std::vector<Index> counts(s.K);
  for (Index n = 0; n < s.n_rows(); ++n) {
    const std::span<const double> row(s.rows.data() + n * s.d, s.d);
    const auto resp = expected.responsibilities.begin() + n * s.K;
    const auto label = std::max_element(resp, resp + s.K) - resp;
    ++counts[label];
    CHECK(p.labels[n] == static_cast<double>(label));
    CHECK(p.log_density[n] == Approx(static_cast<double>(density.log_density(row))).epsilon(1e-13));
    for (int k = 0; k < s.K; ++k) {
      CHECK(p.responsibilities[n * s.K + k] ==
            Approx(static_cast<double>(resp[k])).epsilon(1e-12).margin(1e-300));
      CHECK(p.mahalanobis[n * s.K + k] ==
            Approx(static_cast<double>(std::sqrt(density.mahalanobis_squared(row)[k]))).epsilon(1e-13));
    }
  }
  CHECK(p.counts.labels == counts);
  CHECK(p.counts.outliers == 0);
}

TEST_CASE("predict: the lowest component on a tie", "[mpi]") {
  Setting s(200);
  s.mixture = in_memory::make_model(
      "diag", reference::Parameters{
                  {0.25, 0.375, 0.375}, {50, 50, 50, 1, 2, 3, 1, 2, 3}, std::vector<double>(9, 2.0)});
  const Predicted p = predict_all(on(test_world()), s, PredictOptions());
  CHECK(p.counts.labels == std::vector<Index>{0, 200, 0});
}

TEST_CASE("predict: rows of weight zero are absent, other weights play no part", "[mpi]") {
  const Setting s(700, true), unweighted(700);
  PredictOptions options = everything();
  options.outliers = gmmpi::OutlierTest{OutlierRule::data, HUGE_VAL};  // marks every row
  const Predicted p = predict_all(on(test_world(), 2), s, options);
  const Predicted plain = predict_all(on(test_world()), unweighted, options);
  Index present = 0;
  for (Index n = 0; n < s.n_rows(); ++n) {
    const bool absent = s.weights[n] == 0.0;
    present += !absent;
    CHECK(p.labels[n] == (absent ? -1.0 : plain.labels[n]));
    CHECK(p.outliers[n] == (absent ? 0.0 : 1.0));
    CHECK((absent ? std::isnan(p.log_density[n]) : p.log_density[n] == plain.log_density[n]));
    for (Index e = n * s.K; e < (n + 1) * s.K; ++e) {
      CHECK(
          (absent ? std::isnan(p.responsibilities[e]) : p.responsibilities[e] == plain.responsibilities[e]));
      CHECK((absent ? std::isnan(p.mahalanobis[e]) : p.mahalanobis[e] == plain.mahalanobis[e]));
    }
  }
  CHECK(p.counts.outliers == present);
}

TEST_CASE("predict: a block is written as a whole, once for each dataset", "[mpi]") {
  const Setting s(20'000);
  const gmmpi::BlockGrid grid(s.n_rows());
  REQUIRE(grid.block_rows() > 2 * gmmpi::kTileRows);
  const Predicted p = predict_all(on(test_world(), 3), s, everything());
  const int rank = test_world().rank(), size = test_world().size();
  CHECK(p.n_writes == 4 * (grid.first_block(rank + 1, size) - grid.first_block(rank, size)));
}

TEST_CASE("outliers: `data` marks the least likely rows, as many as numpy's quantile says", "[mpi]") {
  for (const bool weighted : {false, true}) {
    const Setting s(1003, weighted);
    for (const double q : {1e-6, 0.01, 0.1, 0.5, 0.98}) {
      PredictOptions options{.log_density = true};
      options.outliers = test_of(on(test_world(), 2), s, OutlierRule::data, q);
      const Predicted p = predict_all(on(test_world()), s, options);
      std::vector<double> present;
      for (const double v : p.log_density)
        if (!std::isnan(v)) present.push_back(v);
      const double h = q * static_cast<double>(present.size() - 1);
      const auto wanted = static_cast<std::size_t>(std::ceil(h));
      INFO(q << ", " << present.size() << " rows");
      CHECK(p.counts.outliers == static_cast<Index>(wanted));
      std::ranges::sort(present);
      for (std::size_t n = 0; n < p.log_density.size(); ++n)
        CHECK(p.outliers[n] ==
              (!std::isnan(p.log_density[n]) && p.log_density[n] < present[wanted] ? 1.0 : 0.0));
      CHECK(options.outliers->threshold > present[wanted - 1]);
      CHECK(options.outliers->threshold <= present[wanted]);
    }
  }
}

TEST_CASE("outliers: `model` takes the quantile of the rows that sample draws", "[mpi]") {
  const Setting s(300);
  const gmmpi::Execution execution = on(test_world(), 2);
  const CollectedRows drawn(execution.comm, gmmpi::kOutlierDraws, gmmpi::sample_columns(s.d));
  gmmpi::sample(execution, s.mixture, gmmpi::kOutlierDraws, 0, drawn);
  Setting of_drawn = s;
  of_drawn.rows = drawn.all("/X");
  for (const double q : {0.001, 0.2}) {
    const double threshold = test_of(execution, s, OutlierRule::model, q).threshold;
    CHECK(threshold == test_of(execution, of_drawn, OutlierRule::data, q).threshold);
  }
}

TEST_CASE("outliers: `chi2` marks rows outside every component's ellipsoid", "[mpi]") {
  Setting s(2000);
  s.mixture.weights = {0.5, 0.5, 0.0};  // the third holds nothing, and excuses nobody
  PredictOptions options = everything();
  const double q = 0.05;
  options.outliers = test_of(on(test_world()), s, OutlierRule::chi2, q);
  CHECK(options.outliers->threshold == Approx(7.814727903251178).epsilon(1e-13));  // 3 degrees of freedom
  const Predicted p = predict_all(on(test_world(), 2), s, options);
  Index n_outliers = 0;
  for (Index n = 0; n < s.n_rows(); ++n) {
    const double least = std::min(p.mahalanobis[n * s.K], p.mahalanobis[n * s.K + 1]);
    const bool outside = least * least > options.outliers->threshold;
    n_outliers += outside;
    CHECK(p.outliers[n] == (outside ? 1.0 : 0.0));
  }
  CHECK(p.counts.outliers == n_outliers);
  CHECK(n_outliers > 20);
  CHECK(n_outliers < 1900);
}

TEST_CASE("outliers: a share of the model's own rows", "[mpi]") {
  const Setting s(300);
  const gmmpi::Execution execution = on(test_world(), 2);
  constexpr Index n = 20'000;
  const CollectedRows drawn(execution.comm, n, gmmpi::sample_columns(s.d));
  gmmpi::sample(execution, s.mixture, n, 99, drawn);  // another seed than the rule's own
  Setting rows = s;
  rows.rows = drawn.all("/X");
  const double q = 0.05, error = std::sqrt(q * (1 - q) / n);
  for (const OutlierRule rule : {OutlierRule::model, OutlierRule::chi2}) {
    PredictOptions options;
    options.outliers = test_of(execution, s, rule, q);
    const double share = double(predict_all(execution, rows, options).counts.outliers) / n;
    CHECK(share < q + 5 * error);
    if (rule == OutlierRule::model) CHECK(share > q - 5 * error);
  }
}

TEST_CASE("predict: the same bits on any ranks, threads and kernels", "[mpi]") {
  const Setting s(3000);
  const auto run = [&](const gmmpi::Execution& execution) {
    PredictOptions options = everything();
    options.outliers = test_of(execution, s, OutlierRule::data, 0.03);
    Predicted p = predict_all(execution, s, options);
    p.outliers.push_back(options.outliers->threshold);
    return p;
  };
  const Predicted first = run(in_memory::alone());
  for (const gmmpi::Execution& execution :
       {on(test_world(), 1), on(test_world(), 3), on(test_world(), 1, "scalar")}) {
    const Predicted p = run(execution);
    CHECK(in_memory::same_bits(p.labels, first.labels));
    CHECK(in_memory::same_bits(p.responsibilities, first.responsibilities));
    CHECK(in_memory::same_bits(p.log_density, first.log_density));
    CHECK(in_memory::same_bits(p.mahalanobis, first.mahalanobis));
    CHECK(in_memory::same_bits(p.outliers, first.outliers));
  }
}
