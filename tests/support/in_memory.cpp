// VectorReader, conversions between the product's and the textbook's models, generated rows.
#include "support/in_memory.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "em/assignments.hpp"
#include "kernels/table.hpp"

namespace in_memory {

VectorReader::VectorReader(std::span<const double> values, int d, gmmpi::ElementType element,
                           const std::string& name)
    : values_(values) {
  n_rows_ = static_cast<gmmpi::Index>(values.size()) / d;
  n_columns_ = d;
  element_ = element;
  name_ = name;
}

void VectorReader::read(gmmpi::Index first, gmmpi::Index count, double* out) {
  std::copy_n(values_.begin() + first * n_columns_, count * n_columns_, out);
}

void VectorReader::read(gmmpi::Index first, gmmpi::Index count, float* out) {
  for (gmmpi::Index i = 0; i < count * n_columns_; ++i)
    out[i] = static_cast<float>(values_[first * n_columns_ + i]);
}

gmmpi::Execution on(const gmmpi::Communicator& comm, int n_threads, const std::string& kernels) {
  return {comm, n_threads, &gmmpi::select_kernels(kernels)};
}

gmmpi::Execution alone() {
  return on(gmmpi::Communicator::single());
}

gmmpi::MemoryData make_data(const gmmpi::Execution& execution, std::span<const double> values, int d,
                            std::span<const double> weights, gmmpi::ElementType element) {
  VectorReader rows(values, d, element);
  VectorReader column(weights, 1, gmmpi::ElementType::f8, "weights");
  return gmmpi::MemoryData(execution, rows, weights.empty() ? nullptr : &column);
}

gmmpi::Mixture make_model(const std::string& type, const reference::Parameters& parameters) {
  gmmpi::Mixture m;
  set_kind(m, type);
  m.n_components = static_cast<int>(parameters.weights.size());
  m.n_features = static_cast<int>(parameters.means.size()) / m.n_components;
  m.weights = parameters.weights;
  m.means = parameters.means;
  m.covariances = parameters.covariances;
  gmmpi::factorise(m, gmmpi::select_kernels());
  return m;
}

gmmpi::Mixture make_model(const std::string& type, const textbook::Mixture& mixture) {
  return make_model(type, {{mixture.weights.begin(), mixture.weights.end()},
                           {mixture.means.begin(), mixture.means.end()},
                           textbook::compact_covariances(type, mixture)});
}

gmmpi::Mixture two_components(const std::string& type, int d) {
  reference::Parameters p;
  p.weights = {0.4, 0.6};
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < d; ++j) p.means.push_back(0.5 * k + 0.1 * j);
  const bool shared = type == "tied";
  for (int k = 0; k < (shared ? 1 : 2); ++k)
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j) {
        if (type == "diag" && i != j) continue;
        p.covariances.push_back(i == j ? 2.0 + k + 0.3 * i : 0.7 - 0.1 * k - 0.02 * (i + j));
      }
  return make_model(type, p);
}

textbook::Mixture to_textbook(const gmmpi::Mixture& mixture) {
  return textbook::make_mixture(std::string(mixture.kind().name()), mixture.weights, mixture.means,
                                mixture.covariances);
}

gmmpi::FitOptions exactly(int n_iter, gmmpi::Mixture start) {
  gmmpi::FitOptions options;
  options.n_components = start.n_components;
  options.component = start.component;
  options.structure = start.structure;
  options.init = gmmpi::Init::model;
  options.start = std::move(start);
  options.tol = 0.0;
  options.max_iter = n_iter;
  options.reg_covar = 0.0;
  return options;
}

gmmpi::FitResult fit(const gmmpi::Execution& execution, const gmmpi::Data& data,
                     const gmmpi::FitOptions& options) {
  gmmpi::FitObserver nobody;
  return gmmpi::fit(execution, data, options, nobody);
}

double inertia(const gmmpi::Execution& execution, const gmmpi::Data& data,
               const std::vector<double>& centers) {
  const gmmpi::NearestCenter nearest(centers, data.n_columns(), *execution.kernels);
  return gmmpi::sweep(execution, data, nearest, centers).objective;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool all_finite(const gmmpi::FitResult& result) {
  const gmmpi::Mixture& m = result.model;
  return all_finite(m.weights) && all_finite(m.means) && all_finite(m.covariances) &&
         all_finite(m.precisions_cholesky) && all_finite(result.history);
}

std::vector<double> clusters(std::int64_t n_rows, int d, int n_clusters, double distance, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> centers(static_cast<std::size_t>(n_clusters) * d);
  for (double& c : centers) c = distance * normal(generator);
  std::vector<double> values;
  for (std::int64_t n = 0; n < n_rows; ++n)
    for (int j = 0; j < d; ++j) values.push_back(centers[n % n_clusters * d + j] + normal(generator));
  return values;
}

}  // namespace in_memory
