// LocalCoordinates: triangular algebra by hand, in a fixed order.
#include "model/local_coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/table.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastToThread = 1e6;  ///< multiplications

/// (U^T)^-1, lower triangular, row by row: the Cholesky factor of the covariance whose precision is U U^T.
void covariance_factor(const double* U, int d, double* L) {
  std::fill_n(L, std::size_t(d) * d, 0.0);
  for (int i = 0; i < d; ++i) {
    double* row = L + std::size_t(i) * d;
    row[i] = 1.0;
    for (int k = 0; k < i; ++k)
      for (int j = 0; j <= k; ++j) row[j] -= U[std::size_t(k) * d + i] * L[std::size_t(k) * d + j];
    for (int j = 0; j <= i; ++j) row[j] /= U[std::size_t(i) * d + i];
  }
}

/// U^T L: L^-1 times another lower triangular factor.
std::vector<double> relative_factor(const double* U, const double* L, int d) {
  std::vector<double> B(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int k = 0; k <= i; ++k)
      for (int j = 0; j <= k; ++j)
        B[std::size_t(i) * d + j] += U[std::size_t(k) * d + i] * L[std::size_t(k) * d + j];
  return B;
}

/// (L B)(L B)^T, symmetric to the last bit.
void covariance_of(const double* L, const std::vector<double>& B, int d, double* covariance) {
  std::vector<double> product(std::size_t(d) * d), transposed(std::size_t(d) * d);
  for (int i = 0; i < d; ++i)
    for (int k = 0; k <= i; ++k)
      for (int j = 0; j <= k; ++j)
        product[std::size_t(i) * d + j] += L[std::size_t(i) * d + k] * B[std::size_t(k) * d + j];
  for (int i = 0; i < d; ++i)
    for (int j = 0; j <= i; ++j) transposed[std::size_t(j) * d + i] = product[std::size_t(i) * d + j];
  std::fill_n(covariance, std::size_t(d) * d, 0.0);
  for (int i = 0; i < d; ++i) {
    double* row = covariance + std::size_t(i) * d;
    for (int k = 0; k <= i; ++k)
      for (int j = k; j <= i; ++j)
        row[j] += product[std::size_t(i) * d + k] * transposed[std::size_t(k) * d + j];
    for (int j = 0; j < i; ++j) covariance[std::size_t(j) * d + i] = row[j];
  }
}

/// The probability sin^2 of an angle, the angle turned by one of this sine; but neither the probability nor
/// its complement falls below a quarter. Those of 0 and 1 stay.
double turned_probability(double p, double sine) {
  if (p == 0.0 || p == 1.0) return p;
  sine = std::clamp(sine, -1.0, 1.0);
  const double cosine = std::sqrt(1.0 - sine * sine), a = std::sqrt(p), b = std::sqrt(1.0 - p);
  const double one = a * cosine + b * sine, zero = b * cosine - a * sine;
  if (one < 0.5 * a) return 0.25 * p;
  if (zero < 0.5 * b) return 1.0 - 0.25 * (1.0 - p);
  return one * one;
}

/// Information on the coordinates of one covariance.
std::vector<double> covariance_information(PrecisionShape shape, int d) {
  if (shape == PrecisionShape::none) return {};
  if (shape == PrecisionShape::spherical) return {2.0 * d};
  if (shape == PrecisionShape::diagonal) return std::vector<double>(d, 2.0);
  std::vector<double> information;
  for (int i = 0; i < d; ++i)
    for (int j = 0; j <= i; ++j) information.push_back(i == j ? 2.0 : 1.0);
  return information;
}

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
  const int d = origin.n_features;
  // ln 0 is no coordinate: a weight of zero counts as the least normal number.
  for (double& weight : origin_.weights) weight = std::max(weight, std::numeric_limits<double>::min());
  const std::vector<double> covariance = covariance_information(origin.shape(), d);
  std::vector<double>& block = is_shared() ? shared_information_ : information_;
  block.insert(block.end(), covariance.begin(), covariance.end());
  if (!dense()) return;
  factors_.resize(origin.covariances.size());
  for_each_covariance([&](int k) {
    covariance_factor(origin_.precisions_cholesky.data() + first_entry(k), d,
                      factors_.data() + first_entry(k));
  });
}

void LocalCoordinates::for_each_covariance(const std::function<void(int k)>& action) const {
  const int n = is_shared() ? 1 : origin_.n_components;
  const bool large = dense() && n * std::pow(origin_.n_features, 3.0) >= kLeastToThread;
  for_each_index(0, n, large ? n_threads_ : 1, [&](std::int64_t k, int) { action(static_cast<int>(k)); });
}

bool LocalCoordinates::is_shared() const {
  return origin_.shape() == PrecisionShape::shared_dense;
}

bool LocalCoordinates::is_spherical() const {
  return origin_.shape() == PrecisionShape::spherical;
}

bool LocalCoordinates::is_binary() const {
  return origin_.shape() == PrecisionShape::none;
}

bool LocalCoordinates::dense() const {
  return is_shared() || origin_.shape() == PrecisionShape::dense;
}

std::size_t LocalCoordinates::first_entry(int k) const {
  return is_shared() ? 0 : k * covariance_stride(origin_.shape(), origin_.n_features);
}

std::size_t LocalCoordinates::covariance_block(int k) const {
  const std::size_t block = information_.size();
  return is_shared() ? origin_.n_components * block : k * block + 1 + origin_.n_features;
}

void LocalCoordinates::whiten(int k, const double* mean, double* out) const {
  const int d = origin_.n_features;
  const double *from = origin_.means.data() + std::size_t(k) * d,
               *U = origin_.precisions_cholesky.data() + first_entry(k);
  for (int j = 0; j < d; ++j) {
    if (is_binary()) {
      out[j] = 2.0 * (std::sqrt(mean[j] * (1.0 - from[j])) - std::sqrt((1.0 - mean[j]) * from[j]));
    } else if (!dense()) {
      out[j] = U[is_spherical() ? 0 : j] * (mean[j] - from[j]);
    } else {
      out[j] = 0.0;
      for (int i = 0; i <= j; ++i) out[j] += U[std::size_t(i) * d + j] * (mean[i] - from[i]);
    }
  }
}

void LocalCoordinates::unwhiten(int k, const double* x, double* mean) const {
  const int d = origin_.n_features;
  const double* U = origin_.precisions_cholesky.data() + first_entry(k);
  for (int j = 0; j < d; ++j) {
    if (is_binary()) {
      mean[j] = turned_probability(mean[j], 0.5 * x[j]);
    } else if (!dense()) {
      mean[j] += x[j] / U[is_spherical() ? 0 : j];
    } else {
      const double* L = factors_.data() + first_entry(k) + std::size_t(j) * d;
      for (int i = 0; i <= j; ++i) mean[j] += L[i] * x[i];
    }
  }
}

std::vector<double> LocalCoordinates::of(const Mixture& m) const {
  const int K = m.n_components, d = m.n_features;
  const std::size_t block = information_.size(), stride = covariance_stride(m.shape(), d);
  std::vector<double> x(K * block + shared_information_.size());
  const auto log_of = [&](double value) {
    kernels_.log(1, &value, &value);
    return value;
  };
  for (int k = 0; k < K; ++k) {
    double* at = x.data() + k * block;
    at[0] = log_of(std::max(m.weights[k], std::numeric_limits<double>::min()) / origin_.weights[k]);
    whiten(k, m.means.data() + std::size_t(k) * d, at + 1);
  }
  for_each_covariance([&](int k) {
    double* at = x.data() + covariance_block(k);
    const double *U = origin_.precisions_cholesky.data() + first_entry(k),
                 *other = m.precisions_cholesky.data() + first_entry(k);
    if (!dense()) {
      for (std::size_t j = 0; j < stride; ++j) at[j] = log_of(U[j] / other[j]);
      return;
    }
    std::vector<double> L(stride);
    covariance_factor(other, d, L.data());
    const std::vector<double> B = relative_factor(U, L.data(), d);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j) {
        const double entry = B[std::size_t(i) * d + j];
        *at++ = i == j ? log_of(entry) : entry;
      }
  });
  return x;
}

Mixture LocalCoordinates::at(std::span<const double> x) const {
  Mixture m = origin_;
  const int K = m.n_components, d = m.n_features;
  const std::size_t block = information_.size(), stride = covariance_stride(m.shape(), d);
  const auto exp_of = [&](double value) {
    kernels_.exp(1, &value, &value);
    return value;
  };
  double highest = x[0], total = 0.0;
  for (int k = 1; k < K; ++k) highest = std::max(highest, x[k * block]);
  for (int k = 0; k < K; ++k) {
    total += m.weights[k] *= exp_of(x[k * block] - highest);
    unwhiten(k, x.data() + k * block + 1, m.means.data() + std::size_t(k) * d);
  }
  for (double& weight : m.weights) weight /= total;
  for_each_covariance([&](int k) {
    const double* from = x.data() + covariance_block(k);
    double* covariance = m.covariances.data() + first_entry(k);
    if (!dense()) {
      for (std::size_t j = 0; j < stride; ++j) covariance[j] *= exp_of(2.0 * from[j]);
      return;
    }
    std::vector<double> B(stride);
    for (int i = 0; i < d; ++i)
      for (int j = 0; j <= i; ++j, ++from) B[std::size_t(i) * d + j] = i == j ? exp_of(*from) : *from;
    covariance_of(factors_.data() + first_entry(k), B, d, covariance);
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
