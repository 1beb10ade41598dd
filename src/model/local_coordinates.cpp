// LocalCoordinates: weights, and the charts of means and covariances.
#include "model/local_coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastToThread = 1e6;  ///< multiplications

double sum_of_products(std::span<const double> weights, const double* x, const double* y) {
  double sum = 0.0;
  for (std::size_t e = 0; e < weights.size(); ++e) sum += weights[e] * x[e] * y[e];
  return sum;
}

}  // namespace

LocalCoordinates::LocalCoordinates(const Mixture& origin, const Execution& execution)
    : origin_(origin),
      kernels_(*execution.kernels),
      n_threads_(execution.n_threads),
      information_(1 + origin.n_features, 1.0) {
  // ln 0 is no coordinate: a weight of zero counts as the least normal number.
  for (double& weight : origin_.weights) weight = std::max(weight, std::numeric_limits<double>::min());
  const std::vector<double> covariance = origin.layout().information(origin.n_features);
  std::vector<double>& block = origin.is_shared() ? shared_information_ : information_;
  block.insert(block.end(), covariance.begin(), covariance.end());
  charts_.resize(origin.n_covariances());
  for_each_covariance(
      [&](int k) { charts_[k] = origin_.layout().chart(origin_.factor(k), origin_.n_features); });
}

void LocalCoordinates::for_each_covariance(const std::function<void(int k)>& action) const {
  const int n = origin_.n_covariances();
  const bool large = n * origin_.layout().chart_cost(origin_.n_features) >= kLeastToThread;
  for_each_index(0, n, large ? n_threads_ : 1, [&](std::int64_t k, int) { action(static_cast<int>(k)); });
}

const double* LocalCoordinates::chart(int k) const {
  return charts_.empty() ? nullptr : charts_[origin_.is_shared() ? 0 : k].data();
}

std::size_t LocalCoordinates::covariance_block(int k) const {
  const std::size_t block = information_.size();
  return origin_.is_shared() ? origin_.n_components * block : k * block + 1 + origin_.n_features;
}

std::vector<double> LocalCoordinates::of(const Mixture& m) const {
  const int K = m.n_components, d = m.n_features;
  const std::size_t block = information_.size();
  std::vector<double> x(K * block + shared_information_.size());
  for (int k = 0; k < K; ++k) {
    double* at = x.data() + k * block;
    at[0] = std::max(m.weights[k], std::numeric_limits<double>::min()) / origin_.weights[k];
    kernels_.log(1, at, at);
    m.component->mean_coordinates(origin_, k, m.mean(k).data(), at + 1);
  }
  for_each_covariance([&](int k) {
    m.layout().coordinates(origin_.factor(k), m.factor(k), d, kernels_, x.data() + covariance_block(k));
  });
  return x;
}

Mixture LocalCoordinates::at(std::span<const double> x) const {
  Mixture m = origin_;
  const int K = m.n_components;
  const std::size_t block = information_.size();
  double highest = x[0], total = 0.0;
  for (int k = 1; k < K; ++k) highest = std::max(highest, x[k * block]);
  for (int k = 0; k < K; ++k) {
    double factor = x[k * block] - highest;
    kernels_.exp(1, &factor, &factor);
    total += m.weights[k] *= factor;
    m.component->move_mean(origin_, k, chart(k), x.data() + k * block + 1, m.mean(k).data());
  }
  for (double& weight : m.weights) weight /= total;
  for_each_covariance([&](int k) {
    m.layout().at(chart(k), x.data() + covariance_block(k), m.n_features, kernels_, m.covariance(k));
  });
  return m;
}

double LocalCoordinates::inner(std::span<const double> x, std::span<const double> y) const {
  const std::size_t block = information_.size(), shared = origin_.n_components * block;
  const std::span<const double> weights = origin_.weights;
  double mean_x = 0.0, mean_y = 0.0;  // what all log weights have in common changes nothing
  for (std::size_t k = 0; k < weights.size(); ++k) {
    mean_x += weights[k] * x[k * block];
    mean_y += weights[k] * y[k * block];
  }
  double sum = sum_of_products(shared_information_, x.data() + shared, y.data() + shared);
  const auto others = std::span(information_).subspan(1);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double *x_k = x.data() + k * block, *y_k = y.data() + k * block;
    sum += weights[k] * ((x_k[0] - mean_x) * (y_k[0] - mean_y) + sum_of_products(others, x_k + 1, y_k + 1));
  }
  return sum;
}

double LocalCoordinates::width(std::span<const double> x) const {
  const std::size_t block = information_.size(), shared = origin_.n_components * block;
  double largest = 0.0;
  for (int k = 0; k < origin_.n_components; ++k)
    largest = std::max(largest, sum_of_products(information_, x.data() + k * block, x.data() + k * block));
  return std::sqrt(largest + sum_of_products(shared_information_, x.data() + shared, x.data() + shared));
}

}  // namespace gmmpi
