// Parsing of the reference data (CSV) and cases (JSON).
#include "support/reference.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace reference {
namespace {

using nlohmann::json;

std::ifstream open(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("reference: cannot read " + file);
  return stream;
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

Parameters parameters(const json& block) {
  return {flat(block.at("weights")), flat(block.at("means")), flat(block.at("covariances"))};
}

/// The members that stand in a block of fitted parameters, as far as the kind has them.
void read_fitted(const json& block, Case* result) {
  result->fitted = parameters(block);
  result->fitted_log_likelihood = block.contains("log_likelihood")
                                      ? block["log_likelihood"].get<double>()
                                      : block.at("mixture_log_likelihood").get<double>();
  result->n_iter = block.value("n_iter", 1);
  result->n_parameters = block.value("n_parameters", 0);
  result->aic = block.value("aic", 0.0);
  result->bic = block.value("bic", 0.0);
  result->icl = block.value("icl", 0.0);
  result->label_sizes = block.value("label_sizes", std::vector<std::int64_t>());
  result->responsibilities_first5 = flat(block.value("responsibilities_first5", json::array()));
  result->log_density_first5 = flat(block.value("log_density_first5", json::array()));
  result->labels = block.value("labels", std::vector<int>());
}

Case read_case(const json& file, const json& block, const std::string& type) {
  Case result;
  result.name = file.at("case").get<std::string>() + (file.contains("by_type") ? "/" + type : "");
  result.kind = file.at("kind");
  result.data = file.at("data");
  result.covariance_type = type;
  result.n_components = file.at("n_components");
  result.sample_weight = file.value("sample_weights", std::vector<double>());
  if (block.contains("start")) result.start = parameters(block["start"]);
  if (block.contains("trace")) {
    const json& trace = block["trace"];
    const bool hard = trace.contains("classification_log_likelihood");
    result.log_likelihood = flat(trace.at(hard ? "mixture_log_likelihood" : "log_likelihood"));
    if (hard) result.classification_log_likelihood = flat(trace["classification_log_likelihood"]);
  }
  if (block.contains("after_first_iteration"))
    result.after_first = parameters(block["after_first_iteration"]);
  for (const char* key : {"converged", "final"}) {
    if (block.contains(key)) read_fitted(block[key], &result);
  }
  if (result.fitted.empty()) read_fitted(block, &result);
  return result;
}

}  // namespace

std::string path(const std::string& file) {
  return std::string(GMMPI_TEST_DATA "/") + file;
}

Data load_data(const std::string& name) {
  std::ifstream stream = open(path(std::filesystem::path(name).stem().string() + ".csv"));
  std::string line;
  std::getline(stream, line);
  Data data;
  data.columns = split(line);
  const bool labelled = data.columns.back() == "label";
  if (labelled) data.columns.pop_back();
  while (std::getline(stream, line)) {
    const std::vector<std::string> fields = split(line);
    if (fields.size() != data.columns.size() + labelled)
      throw std::runtime_error("reference: bad row in " + name);
    for (int i = 0; i < data.d(); ++i) data.values.push_back(std::stod(fields[i]));
    if (labelled) data.labels.push_back(fields.back());
    ++data.n_rows;
  }
  return data;
}

json load_json(const std::string& stem) {
  return json::parse(open(path("cases/" + stem + ".json")));
}

std::vector<double> flat(const json& array) {
  if (!array.is_array()) return {array.get<double>()};
  std::vector<double> numbers;
  for (const json& item : array) {
    const std::vector<double> part = flat(item);
    numbers.insert(numbers.end(), part.begin(), part.end());
  }
  return numbers;
}

std::vector<std::string> stems(const std::string& prefix) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(path("cases"))) {
    const std::string stem = entry.path().stem().string();
    if (stem.starts_with(prefix)) found.push_back(stem);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Case> load_file(const std::string& stem) {
  const json file = load_json(stem);
  if (!file.contains("by_type")) return {read_case(file, file, file.at("covariance_type"))};
  std::vector<Case> cases;
  for (const auto& [type, block] : file["by_type"].items()) cases.push_back(read_case(file, block, type));
  return cases;
}

std::vector<Case> load_cases(const std::string& prefix) {
  std::vector<Case> cases;
  for (const std::string& stem : stems(prefix)) {
    for (Case& one : load_file(stem)) cases.push_back(std::move(one));
  }
  return cases;
}

std::vector<KMeansCase> load_kmeans_cases() {
  std::vector<KMeansCase> cases;
  for (const std::string& stem : stems("kmeans_")) {
    const json file = load_json(stem);
    cases.push_back({stem, file.at("data"), flat(file.at("start_centers")), flat(file.at("inertia_trace")),
                     file.at("n_iter"), file.at("inertia"), flat(file.at("centers")),
                     file.at("label_sizes")});
  }
  return cases;
}

}  // namespace reference
