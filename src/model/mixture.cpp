// Mixture: shapes, validation, change of structure.
#include "gmmpi/model/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

std::vector<std::size_t> covariance_dims(PrecisionShape shape, int n_components, int n_features) {
  const std::size_t K = n_components, d = n_features;
  switch (shape) {
    case PrecisionShape::dense:
      return {K, d, d};
    case PrecisionShape::shared_dense:
      return {d, d};
    case PrecisionShape::diagonal:
      return {K, d};
    case PrecisionShape::spherical:
      return {K};
    case PrecisionShape::none:
      return {0};
  }
  return {};
}

std::size_t covariance_stride(PrecisionShape shape, int n_features) {
  const std::size_t d = n_features;
  switch (shape) {
    case PrecisionShape::dense:
    case PrecisionShape::shared_dense:
      return d * d;
    case PrecisionShape::diagonal:
      return d;
    case PrecisionShape::spherical:
      return 1;
    case PrecisionShape::none:
      return 0;
  }
  return 0;
}

std::int64_t Mixture::n_parameters() const {
  return n_components - 1 + std::int64_t{n_components} * n_features +
         structure->n_covariance_parameters(n_components, n_features) + (noise ? 2 : 0);
}

namespace {

void require(bool condition, const std::string& name, const std::string& problem) {
  if (!condition) throw Error(ExitCode::bad_data, name + ": " + problem);
}

bool all_finite(const std::vector<double>& values) {
  for (const double v : values)
    if (!std::isfinite(v)) return false;
  return true;
}

void require_symmetric(const Mixture& m, const std::string& name) {
  if (m.shape() != PrecisionShape::dense && m.shape() != PrecisionShape::shared_dense) return;
  const std::size_t d = m.n_features;
  for (std::size_t e = 0; e < m.covariances.size(); ++e) {
    const std::size_t base = e / (d * d) * d * d, i = e % (d * d) / d, j = e % d;
    const double a = m.covariances[e], b = m.covariances[base + j * d + i];
    const double scale = std::sqrt(std::abs(m.covariances[base + i * d + i])) *
                         std::sqrt(std::abs(m.covariances[base + j * d + j]));
    require(std::abs(a - b) <= 1e-8 * scale, name,
            "covariance " + std::to_string(e / (d * d)) + " is not symmetric; give a symmetric matrix");
  }
}

/// Floored components bring their own.
void require_factors(const Mixture& m, const std::string& name) {
  if (m.floored.empty()) return;
  const std::size_t d = m.n_features, stride = covariance_stride(m.shape(), m.n_features);
  require(m.precisions_cholesky.size() == m.covariances.size() && all_finite(m.precisions_cholesky), name,
          "precisions_cholesky must be finite and shaped like covariances; write it so, or remove degenerate");
  for (std::size_t i = 0; i < m.floored.size(); ++i) {
    const int k = m.floored[i];
    require(k >= (i > 0 ? m.floored[i - 1] + 1 : 0) && k < m.n_components, name,
            "degenerate must hold numbers of components, ascending; write it so, or remove it");
    const bool shared = m.shape() == PrecisionShape::shared_dense, dense = shared || m.shape() == PrecisionShape::dense;
    const double* factor = m.precisions_cholesky.data() + (shared ? 0 : k * stride);
    for (std::size_t e = 0; e < stride; e += dense ? d + 1 : 1)
      require(factor[e] > 0.0, name,
              "precisions_cholesky has a diagonal that is not positive; write it so, or remove degenerate");
  }
}

}  // namespace

void require_no_noise(const Mixture& m, const std::string& name) {
  require(!m.noise, name,
          "has a uniform noise component, which is not possible here; use score, predict, sample or info, or "
          "fit without --noise");
}

namespace {

void validate_noise(const Mixture& m, const std::string& name) {
  if (!m.noise) return;
  require(m.label_rule == LabelRule::posterior, name,
          "a mixture with noise has no nearest means; remove the attribute assignment");
  const UniformNoise& noise = *m.noise;
  const std::size_t d = m.n_features;
  require(m.shape() != PrecisionShape::none, name, "a Bernoulli mixture has no noise; remove noise_weight");
  require(noise.minimum.size() == d && noise.maximum.size() == d, name,
          "noise_minimum and noise_maximum must be (d) arrays; write them so");
  require(std::isfinite(noise.weight) && noise.weight >= 0.0 && std::isfinite(noise.log_volume) &&
              all_finite(noise.minimum) && all_finite(noise.maximum),
          name, "the noise holds NaN, infinite numbers or a negative weight; write finite ones");
  for (std::size_t j = 0; j < d; ++j)
    require(noise.minimum[j] <= noise.maximum[j], name,
            "noise_minimum is above noise_maximum in column " + std::to_string(j) + "; exchange them");
}

}  // namespace

void validate(Mixture& m, const KernelTable& kernels, const std::string& name) {
  const std::size_t K = m.n_components, d = m.n_features;
  std::size_t n_covariances = 1;
  for (const std::size_t n : covariance_dims(m.shape(), m.n_components, m.n_features)) n_covariances *= n;
  require(K > 0 && d > 0, name, "the model has no components or no columns");
  require(m.weights.size() == K && m.means.size() == K * d && m.covariances.size() == n_covariances, name,
          "weights, means and covariances do not have the shapes of covariance type '" +
              std::string(m.structure->name()) + "'; write them as (K), (K, d) and as `gmmpi fit` does");
  require(all_finite(m.weights) && all_finite(m.means) && all_finite(m.covariances), name,
          "the model holds NaN or infinite numbers; write finite ones");
  if (m.shape() == PrecisionShape::none)
    for (const double mu : m.means)
      require(mu >= 0.0 && mu <= 1.0, name,
              "a mean of a Bernoulli component is not in [0, 1]; it is a probability");
  for (const double w : m.weights) require(w >= 0.0, name, "a weight is negative; weights must be >= 0");
  validate_noise(m, name);
  const double sum = std::accumulate(m.weights.begin(), m.weights.end(), m.noise ? m.noise->weight : 0.0);
  require(std::abs(sum - 1.0) <= 1e-6, name,
          "the weights sum to " + std::to_string(sum) + " instead of 1; rescale them");
  if (std::abs(sum - 1.0) > 1e-14) {
    for (double& w : m.weights) w /= sum;
    if (m.noise) m.noise->weight /= sum;
  }
  require_symmetric(m, name);
  require_factors(m, name);
  const std::vector<int> bad = factorise(m, kernels);
  if (!bad.empty())
    throw Error(ExitCode::bad_data, name + ": the covariance of component " + std::to_string(bad.front()) +
                                        " is not positive definite; enlarge its diagonal");
}

void copy_component(const Mixture& from, int k, Mixture& to) {
  const std::size_t d = to.n_features, stride = covariance_stride(to.shape(), to.n_features);
  std::copy_n(from.means.begin() + k * d, d, to.means.begin() + k * d);
  if (to.shape() == PrecisionShape::shared_dense) return;
  const std::size_t first = k * stride;
  std::copy_n(from.covariances.begin() + first, stride, to.covariances.begin() + first);
  std::copy_n(from.precisions_cholesky.begin() + first, stride, to.precisions_cholesky.begin() + first);
  std::erase(to.floored, k);
  if (std::ranges::binary_search(from.floored, k))
    to.floored.insert(std::ranges::lower_bound(to.floored, k), k);
}

std::vector<double> full_covariance(const Mixture& m, int k) {
  const std::size_t d = m.n_features, stride = covariance_stride(m.shape(), m.n_features);
  if (m.shape() == PrecisionShape::none) {
    std::vector<double> full(d * d);
    for (std::size_t j = 0; j < d; ++j) full[j * d + j] = m.means[k * d + j] * (1.0 - m.means[k * d + j]);
    return full;
  }
  const double* c = m.covariances.data() + (m.shape() == PrecisionShape::shared_dense ? 0 : k * stride);
  if (stride == d * d && m.shape() != PrecisionShape::diagonal && m.shape() != PrecisionShape::spherical)
    return {c, c + d * d};
  std::vector<double> full(d * d);
  for (std::size_t j = 0; j < d; ++j) full[j * d + j] = m.shape() == PrecisionShape::diagonal ? c[j] : c[0];
  return full;
}

Mixture with_structure(const Mixture& m, const CovarianceStructure& structure, const KernelTable& kernels) {
  const int K = m.n_components, d = m.n_features;
  Mixture out = m;
  out.structure = &structure;
  out.label_rule = LabelRule::posterior;
  out.label_space = {};
  if (structure.name() == m.structure->name()) return out;
  const PrecisionShape shape = structure.precision_shape();
  if (shape == PrecisionShape::none || m.shape() == PrecisionShape::none)
    throw std::logic_error("components of another distribution");
  out.covariances.clear();
  out.floored.clear();
  std::vector<double> shared(std::size_t(d) * d);
  for (int k = 0; k < K; ++k) {
    const std::vector<double> full = full_covariance(m, k);
    double trace = 0.0;
    for (int j = 0; j < d; ++j) trace += full[std::size_t(j) * d + j];
    if (shape == PrecisionShape::dense)
      out.covariances.insert(out.covariances.end(), full.begin(), full.end());
    if (shape == PrecisionShape::diagonal)
      for (int j = 0; j < d; ++j) out.covariances.push_back(full[std::size_t(j) * d + j]);
    if (shape == PrecisionShape::spherical) out.covariances.push_back(trace / d);
    for (std::size_t e = 0; e < shared.size(); ++e) shared[e] += m.weights[k] * full[e];
  }
  if (shape == PrecisionShape::shared_dense) out.covariances = shared;
  factorise(out, kernels);
  return out;
}

}  // namespace gmmpi
