// Numbers of a test as the product's data, models and executions, and bitwise comparison.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/em/fit.hpp"
#include "support/reference.hpp"
#include "support/textbook.hpp"

namespace in_memory {

/// Serves rows out of a vector, as a file would.
class VectorReader final : public gmmpi::DataReader {
 public:
  VectorReader(std::span<const double> values, int d, gmmpi::ElementType element = gmmpi::ElementType::f8,
               const std::string& name = "rows");
  void read(gmmpi::Index first, gmmpi::Index count, double* out) override;
  void read(gmmpi::Index first, gmmpi::Index count, float* out) override;

 private:
  std::span<const double> values_;
};

/// On `comm` with the kernels of that name.
gmmpi::Execution on(const gmmpi::Communicator& comm, int n_threads = 1, const std::string& kernels = "auto");
/// One process, one thread, the best kernels.
gmmpi::Execution alone();

/// Collective if the execution is. Weights may be empty: all 1.
gmmpi::MemoryData make_data(const gmmpi::Execution& execution, std::span<const double> values, int d,
                            std::span<const double> weights = {},
                            gmmpi::ElementType element = gmmpi::ElementType::f8);

/// Of a mixture or of options: a covariance type of Gaussians, or "bernoulli".
void set_kind(auto& of, const std::string& type) {
  const bool bernoulli = type == "bernoulli";
  of.component = &gmmpi::find_component(bernoulli ? "bernoulli" : "gaussian");
  of.structure = &gmmpi::find_structure(bernoulli ? "none" : type);
}

/// Factorised; from arrays in a model file's shapes.
gmmpi::Mixture make_model(const std::string& type, const reference::Parameters& parameters);
/// A textbook mixture, rounded to double.
gmmpi::Mixture make_model(const std::string& type, const textbook::Mixture& mixture);
/// Two components that overlap, correlated but for "diag".
gmmpi::Mixture two_components(const std::string& type, int d);
textbook::Mixture to_textbook(const gmmpi::Mixture& mixture);

/// From a given start, exactly `n_iter` M-steps without regularisation.
gmmpi::FitOptions exactly(int n_iter, gmmpi::Mixture start);
/// Collective. fit() without an observer.
gmmpi::FitResult fit(const gmmpi::Execution& execution, const gmmpi::Data& data,
                     const gmmpi::FitOptions& options);

/// Collective. Sum of the weighted squared distances to the nearest of the centres.
double inertia(const gmmpi::Execution& execution, const gmmpi::Data& data,
               const std::vector<double>& centers);

bool same_bits(const std::vector<double>& a, const std::vector<double>& b);
bool all_finite(std::span<const double> values);
/// Every number of the model and of the history is finite.
bool all_finite(const gmmpi::FitResult& result);

/// N x d normal numbers around `n_clusters` well mixed centres some `distance` widths apart; row n belongs to
/// cluster n % n_clusters. The same on every rank.
std::vector<double> clusters(std::int64_t n_rows, int d, int n_clusters, double distance, unsigned seed);

}  // namespace in_memory
