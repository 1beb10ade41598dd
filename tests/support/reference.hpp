// Reads the reference data and cases of tests/data into plain structs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/textbook.hpp"

namespace reference {

/// A data file without its label column.
struct Data {
  std::vector<std::string> columns;  ///< (d)
  std::int64_t n_rows = 0;
  std::vector<double> values;       ///< (N, d), row-major
  std::vector<std::string> labels;  ///< (N), empty where the file has none

  int d() const { return static_cast<int>(columns.size()); }
  /// A view of this object and of the weights: both must outlive it.
  textbook::Rows rows(std::span<const double> sample_weight = {}) const& {
    return {values, d(), sample_weight};
  }
  textbook::Rows rows(std::span<const double> = {}) const&& = delete;
};

/// Parameters in a model file's shapes, flattened: covariances (K, d, d), (d, d), (K, d) or (K).
struct Parameters {
  std::vector<double> weights;
  std::vector<double> means;
  std::vector<double> covariances;

  bool empty() const { return weights.empty(); }
};

/// One start and what comes of it, for one covariance type. Members that a kind lacks stay empty.
struct Case {
  std::string name;  ///< file's stem, with "/type" where the file holds several
  std::string kind;  ///< em, weighted_em, mle_k1 or hard_em
  std::string data;  ///< for load_data
  std::string covariance_type;
  int n_components = 0;
  std::vector<double> sample_weight;

  Parameters start;                    ///< empty for mle_k1
  std::vector<double> log_likelihood;  ///< entry i: total, after i M-steps (goes on after n_iter for em)
  std::vector<double> classification_log_likelihood;  ///< hard_em: likewise
  Parameters after_first;                             ///< after one M-step, em only

  int n_iter = 0;  ///< M-steps to `fitted`
  Parameters fitted;
  double fitted_log_likelihood = 0;
  int n_parameters = 0;
  double aic = 0, bic = 0, icl = 0;             ///< scikit-learn's sign; hard_em has none, mle_k1 no icl
  std::vector<std::int64_t> label_sizes;        ///< (K)
  std::vector<double> responsibilities_first5;  ///< (5, K)
  std::vector<double> log_density_first5;       ///< (5)
  std::vector<int> labels;                      ///< (N), hard_em only

  textbook::Mixture mixture(const Parameters& p) const {
    return textbook::make_mixture(covariance_type, p.weights, p.means, p.covariances);
  }
};

/// Lloyd's k-means from given centres.
struct KMeansCase {
  std::string name;
  std::string data;
  std::vector<double> start_centers;  ///< (K, d)
  std::vector<double> inertia_trace;  ///< entry i: after i updates of the centres
  int n_iter = 0;
  double inertia = 0;
  std::vector<double> centers;            ///< (K, d)
  std::vector<std::int64_t> label_sizes;  ///< (K)
};

/// Path of tests/data or of a file in it.
std::string path(const std::string& file = "");
/// `name` is a stem ("iris") or as the cases put it ("data/iris.csv").
Data load_data(const std::string& name);
/// The whole case file of this stem.
nlohmann::json load_json(const std::string& stem);
/// All numbers of nested arrays, in order.
std::vector<double> flat(const nlohmann::json& array);
/// Stems of the case files that start with `prefix`, sorted.
std::vector<std::string> stems(const std::string& prefix);
/// The cases in one file, one for each covariance type.
std::vector<Case> load_file(const std::string& stem);
/// The cases of all files whose stem starts with `prefix`: "em_", "weighted_", "mle_k1_", "hard_em_".
std::vector<Case> load_cases(const std::string& prefix);
std::vector<KMeansCase> load_kmeans_cases();

}  // namespace reference
