// Priors: made from the data's moments, and their density.
#include "gmmpi/model/prior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "gmmpi/error.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

namespace {

double log_of(double x, const KernelTable& kernels) {
  double log = 0.0;
  kernels.log(1, &x, &log);
  return log;
}

/// K^(-2/d): the volume of the data, shared by K components.
double volume_share(int n_components, int n_features, const KernelTable& kernels) {
  const double exponent = -2.0 / n_features * log_of(n_components, kernels);
  double share = 1.0;
  kernels.exp(1, &exponent, &share);
  return share;
}

bool is_dense(PrecisionShape shape) {
  return shape == PrecisionShape::dense || shape == PrecisionShape::shared_dense;
}

/// tr(scale U U^T): what the scale costs one covariance.
double trace_of_scale(const Prior& prior, PrecisionShape shape, int d, const double* u) {
  double trace = 0.0;
  if (!is_dense(shape)) {
    for (std::size_t j = 0; j < prior.scale.size(); ++j) trace += prior.scale[j] * u[j] * u[j];
    return trace;
  }
  for (int c = 0; c < d; ++c)
    for (int i = 0; i <= c; ++i) {
      double row = 0.0;
      for (int j = 0; j <= c; ++j) row += prior.scale[std::size_t(i) * d + j] * u[std::size_t(j) * d + c];
      trace += u[std::size_t(i) * d + c] * row;
    }
  return trace;
}

/// |U^T (mean_k - prior mean)|^2.
double squared_distance(const Prior& prior, const Mixture& m, int k, const double* u) {
  const int d = m.n_features;
  const double* mean = m.means.data() + std::size_t(k) * d;
  double sum = 0.0;
  for (int c = 0; c < d; ++c) {
    double y = 0.0;
    if (m.shape() == PrecisionShape::spherical)
      y = u[0] * (mean[c] - prior.mean[c]);
    else if (m.shape() == PrecisionShape::diagonal)
      y = u[c] * (mean[c] - prior.mean[c]);
    else
      for (int i = 0; i <= c; ++i) y += u[std::size_t(i) * d + c] * (mean[i] - prior.mean[i]);
    sum += y * y;
  }
  return sum;
}

/// The priors go by the shape of precisions, but are conjugate only where each covariance is free but for its
/// shape.
bool has_conjugate_prior(const CovarianceStructure& structure) {
  static constexpr std::string_view known[] = {"full", "tied", "diag", "spherical"};
  return std::ranges::find(known, structure.name()) != std::end(known);
}

}  // namespace

void validate_prior(const PriorOptions& o, const CovarianceStructure& structure, int n_features) {
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(structure.precision_shape() != PrecisionShape::none,
          "--prior is for Gaussian components; leave it out, or choose --family gaussian");
  require(has_conjugate_prior(structure),
          "--prior is not known for " + std::string(structure.name()) +
              " covariances; leave it out, or choose full, tied, diag or spherical");
  require(o.shrinkage >= 0.0 && std::isfinite(o.shrinkage),
          "--prior-shrinkage is no number of rows: give a finite number >= 0");
  require(o.weight >= 1.0 && std::isfinite(o.weight),
          "--prior-weight below 1 has no most probable weights: give a finite number >= 1");
  require(!o.scale || (*o.scale > 0.0 && std::isfinite(*o.scale)),
          "--prior-scale is not positive: give a finite number > 0, or leave it out");
  const int least = is_dense(structure.precision_shape()) ? n_features - 1 : 0;
  require(!o.dof || (*o.dof > least && std::isfinite(*o.dof)),
          "--prior-dof makes no proper prior of " + std::string(structure.name()) +
              " covariances of these columns: give a finite number > " + std::to_string(least) +
              ", or leave it out");
}

Prior make_prior(const PriorOptions& o, const CovarianceStructure& structure, int n_components,
                 const std::vector<double>& mean, const std::vector<double>& covariance,
                 const KernelTable& kernels) {
  const int d = static_cast<int>(mean.size());
  Prior prior{o.weight, o.shrinkage, o.dof.value_or(d + 2.0), mean, covariance};
  if (structure.precision_shape() == PrecisionShape::spherical)
    prior.scale = {std::accumulate(covariance.begin(), covariance.end(), 0.0) / d};
  const double factor = o.scale.value_or(volume_share(n_components, d, kernels));
  for (double& s : prior.scale) s *= factor;
  return prior;
}

double prior_count(const Prior& prior, const CovarianceStructure& structure, int n_components, int n_features) {
  const double d = n_features, means = prior.shrinkage > 0.0 ? 1.0 : 0.0;
  switch (structure.precision_shape()) {
    case PrecisionShape::dense:
      return prior.dof + d + 1.0 + means;
    case PrecisionShape::shared_dense:
      return prior.dof + d + 1.0 + n_components * means;
    case PrecisionShape::diagonal:
      return prior.dof + 2.0 + means;
    case PrecisionShape::spherical:
      return (prior.dof + 2.0) / d + means;
    case PrecisionShape::none:
      break;
  }
  return 0.0;
}

double log_prior(const Prior& prior, const Mixture& m, const KernelTable& kernels) {
  const int K = m.n_components, d = m.n_features;
  const bool shared = m.shape() == PrecisionShape::shared_dense;
  const double count = prior_count(prior, *m.structure, K, d);
  const std::size_t stride = covariance_stride(m.shape(), d);
  double sum = 0.0;
  for (int k = 0; k < K; ++k) {
    const double* u = m.precisions_cholesky.data() + (shared ? 0 : k * stride);
    if (!shared || k == 0)
      sum += count * m.log_det[k] - 0.5 * trace_of_scale(prior, m.shape(), d, u);  // ln |Sigma| = -2 log_det
    sum -= 0.5 * prior.shrinkage * squared_distance(prior, m, k, u);
    if (prior.weight != 1.0)
      sum +=
          (prior.weight - 1.0) * log_of(std::max(m.weights[k], std::numeric_limits<double>::min()), kernels);
  }
  return sum;
}

}  // namespace gmmpi
