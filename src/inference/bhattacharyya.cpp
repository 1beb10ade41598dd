// Bhattacharyya distances, and the most overlapping pair.
#include "inference/bhattacharyya.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmpi/error.hpp"
#include "gmmpi/inference/diagnostics.hpp"
#include "parallel/thread_loop.hpp"

namespace gmmpi {

namespace {

/// Component k of A's Bhattacharyya distances to all of B: -ln of the sum over all rows of zeros and ones of
/// the square root of both probabilities, which is a product over columns.
std::vector<double> bernoulli_distances(const Mixture& a, int k, const Mixture& b,
                                        const KernelTable& kernels) {
  const std::size_t d = a.n_features;
  std::vector<double> distances(b.n_components);
  for (std::size_t e = 0; e < b.means.size(); ++e) {
    const double mu = a.means[k * d + e % d], nu = b.means[e];
    // No overlap counts as the least normal number, so that such pairs can be matched all the same.
    const double overlap =
        std::max(std::sqrt(mu * nu) + std::sqrt((1.0 - mu) * (1.0 - nu)), std::numeric_limits<double>::min());
    double log_overlap = 0.0;
    kernels.log(1, &overlap, &log_overlap);
    distances[e / d] -= log_overlap;
  }
  return distances;
}

/// Likewise, for Gaussians of the same type, full or diag.
std::vector<double> gaussian_distances(const Mixture& a, int k, const Mixture& b,
                                       const KernelTable& kernels) {
  const std::size_t d = a.n_features, stride = covariance_stride(a.shape(), a.n_features);
  Mixture between = b;  // the means of the two covariances
  for (std::size_t e = 0; e < between.covariances.size(); ++e)
    between.covariances[e] = 0.5 * (between.covariances[e] + a.covariances[k * stride + e % stride]);
  const std::vector<int> bad = factorise(between, kernels);
  if (!bad.empty())
    throw Error(ExitCode::numerical,
                "the mean of the covariances of component " + std::to_string(k) + " of the first and " +
                    std::to_string(bad.front()) +
                    " of the second model cannot be factorised; enlarge their diagonals");
  std::vector<double> distances;
  for (int l = 0; l < b.n_components; ++l)
    distances.push_back(0.125 *
                            squared_mahalanobis(between, l, a.means.data() + k * d, b.means.data() + l * d) -
                        between.log_det[l] + 0.5 * (a.log_det[k] + b.log_det[l]));
  return distances;
}

}  // namespace

bool is_bernoulli(const Mixture& m) {
  return m.shape() == PrecisionShape::none;
}

/// |U_k^T (x - y)|^2, `m` being of type full or diag.
double squared_mahalanobis(const Mixture& m, int k, const double* x, const double* y) {
  const std::size_t d = m.n_features, stride = covariance_stride(m.shape(), m.n_features);
  const double* u = m.precisions_cholesky.data() + k * stride;
  double sum = 0.0;
  for (std::size_t j = 0; j < d; ++j) {
    double z = 0.0;
    if (m.shape() == PrecisionShape::diagonal)
      z = u[j] * (x[j] - y[j]);
    else
      for (std::size_t i = 0; i <= j; ++i) z += u[i * d + j] * (x[i] - y[i]);
    sum += z * z;
  }
  return sum;
}

std::vector<double> bhattacharyya_distances(const Mixture& a, int k, const Mixture& b,
                                            const KernelTable& kernels) {
  return is_bernoulli(a) ? bernoulli_distances(a, k, b, kernels) : gaussian_distances(a, k, b, kernels);
}

std::optional<Overlap> most_overlapping(const Execution& execution, const Mixture& mixture) {
  if (mixture.n_components < 2) return std::nullopt;
  const KernelTable& kernels = *execution.kernels;
  const int K = mixture.n_components;
  const bool diagonal = mixture.shape() == PrecisionShape::spherical;
  const bool shared = mixture.shape() == PrecisionShape::shared_dense;
  const Mixture m =
      diagonal || shared ? with_structure(mixture, find_structure(shared ? "full" : "diag"), kernels) : mixture;
  std::vector<Overlap> best(K);  // of k with those before it
  for_each_index(0, K, execution.n_threads, [&](std::int64_t index, int) {
    const int k = static_cast<int>(index);
    const std::vector<double> distances = bhattacharyya_distances(m, k, m, kernels);
    for (int l = 0; l < k; ++l) {
      double factor = 0.0;
      const double exponent = -std::max(0.0, distances[l]);
      kernels.exp(1, &exponent, &factor);
      const double bound = std::sqrt(m.weights[l] * m.weights[k]) * factor;
      if (l == 0 || bound > best[k].bound) best[k] = {l, k, distances[l], bound};
    }
  });
  return *std::max_element(best.begin() + 1, best.end(),
                           [](const Overlap& x, const Overlap& y) { return x.bound < y.bound; });
}

}  // namespace gmmpi
