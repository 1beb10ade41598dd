// All fourteen covariance structures on the reference cases: from given labels, M-step by M-step, to the end.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmpi/data/row_labels.hpp"
#include "support/in_memory.hpp"

namespace {

/// The first d columns of a case's data, and its labels as a fit takes them.
struct Rows {
  reference::Data all;
  int d;
  std::vector<double> values, labels;

  explicit Rows(const nlohmann::json& file)
      : all(reference::load_data(file.at("data"))),
        d(file.at("d")),
        labels(reference::flat(file.at("labels"))) {
    for (std::size_t e = 0; e < all.values.size(); ++e)
      if (static_cast<int>(e % all.d()) < d) values.push_back(all.values[e]);
  }
};

double covariance_entry(const gmmpi::Mixture& m, std::size_t e) {
  const std::size_t d = m.n_features;
  return gmmpi::full_covariance(m, static_cast<int>(e / (d * d)))[e % (d * d)];
}

/// The largest difference of two entries, over the product of both standard deviations.
double largest_difference(const gmmpi::Mixture& m, const std::vector<double>& covariances) {
  const std::size_t d = m.n_features;
  double largest = 0.0;
  for (std::size_t e = 0; e < covariances.size(); ++e) {
    const std::size_t base = e / (d * d) * d * d, i = e % (d * d) / d, j = e % d;
    const double scale =
        std::sqrt(covariances[base + i * (d + 1)]) * std::sqrt(covariances[base + j * (d + 1)]);
    largest = std::max(largest, std::abs(covariance_entry(m, e) - covariances[e]) / scale);
  }
  return largest;
}

}  // namespace

TEST_CASE("structure cases: from given labels each structure takes the reference's path", "[serial]") {
  const auto stems = reference::stems("structures_");
  REQUIRE(stems.size() == 4);
  for (const std::string& stem : stems) {
    const nlohmann::json file = reference::load_json(stem);
    const Rows rows(file);
    const auto data = in_memory::make_data(in_memory::alone(), rows.values, rows.d);
    in_memory::VectorReader reader(rows.labels, 1);
    const int K = file.at("n_components");
    gmmpi::FitOptions options;
    options.n_components = K;
    options.init = gmmpi::Init::labels;
    options.init_labels = std::make_shared<gmmpi::RowLabels>(in_memory::alone(), data, reader, K);
    options.tol = 0.0;
    CHECK(file.at("by_type").size() == gmmpi::covariance_structures().size());
    for (const auto& [name, expected] : file.at("by_type").items()) {
      INFO(stem << ", " << name);
      options.structure = &gmmpi::find_structure(name);
      CHECK(options.structure->n_covariance_parameters(K, rows.d) ==
            expected.at("n_covariance_parameters").get<std::int64_t>());
      const std::vector<double> trace = reference::flat(expected.at("log_likelihood"));
      options.max_iter = static_cast<int>(trace.size()) - 1;
      const gmmpi::FitResult begun = in_memory::fit(in_memory::alone(), data, options);
      for (std::size_t i = 0; i < trace.size(); ++i)
        CHECK(begun.history[i] == Approx(trace[i]).epsilon(1e-12).margin(0.0));

      options.max_iter = 3 * expected.at("n_iter").get<int>() + 50;
      const gmmpi::FitResult ended = in_memory::fit(in_memory::alone(), data, options);
      const nlohmann::json& limit = expected.at("limit");
      CHECK(ended.history.back() ==
            Approx(limit.at("log_likelihood").get<double>()).epsilon(1e-12).margin(0.0));
      CHECK(largest_difference(ended.model, reference::flat(limit.at("covariances"))) < 1e-8);
      CHECK(ended.model.floored.empty());
      for (std::size_t i = 1; i < ended.history.size(); ++i)
        REQUIRE(ended.history[i] >= ended.history[i - 1] - 1e-13 * std::abs(ended.history[i]));
    }
  }
}
