// Priors: made from the data's moments, and their density.
#include "gmmpi/model/prior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "gmmpi/error.hpp"
#include "kernels/scalar_math.hpp"

namespace gmmpi {

namespace {

/// K^(-2/d): the volume of the data, shared by K components.
double volume_share(int n_components, int n_features, const KernelTable& kernels) {
  const double exponent = -2.0 / n_features * log_of(n_components, kernels);
  double share = 1.0;
  kernels.exp(1, &exponent, &share);
  return share;
}

double squared_norm(const std::vector<double>& y) {
  double sum = 0.0;
  for (const double e : y) sum += e * e;
  return sum;
}

}  // namespace

void validate_prior(const PriorOptions& o, const Kind& kind, int n_features) {
  const CovarianceStructure& structure = *kind.structure;
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  require(kind.component->has_prior(),
          "`prior` is for Gaussian components; leave it out, or choose `family` gaussian");
  require(o.shrinkage >= 0.0 && std::isfinite(o.shrinkage),
          "`prior_shrinkage` is no number of rows: give a finite number >= 0");
  require(o.weight >= 1.0 && std::isfinite(o.weight),
          "`prior_weight` below 1 has no most probable weights: give a finite number >= 1");
  require(!o.scale || (*o.scale > 0.0 && std::isfinite(*o.scale)),
          "`prior_scale` is not positive: give a finite number > 0, or leave it out");
  const int least = structure.layout().is_diagonal() ? 0 : n_features - 1;
  require(!o.dof || (*o.dof > least && std::isfinite(*o.dof)),
          "`prior_dof` makes no proper prior of " + std::string(structure.name()) +
              " covariances of these columns: give a finite number > " + std::to_string(least) +
              ", or leave it out");
}

Prior make_prior(const PriorOptions& o, const CovarianceStructure& structure, int n_components,
                 const std::vector<double>& mean, const std::vector<double>& covariance,
                 const KernelTable& kernels) {
  const int d = static_cast<int>(mean.size());
  Prior prior{o.weight, o.shrinkage, o.dof.value_or(d + 2.0), mean, covariance};
  if (structure.layout().is_round())
    prior.scale = {std::accumulate(covariance.begin(), covariance.end(), 0.0) / d};
  const double factor = o.scale.value_or(volume_share(n_components, d, kernels));
  for (double& s : prior.scale) s *= factor;
  return prior;
}

double prior_share(const CovarianceStructure& structure, int n_components) {
  return structure.has_one_covariance() ? 1.0 / structure.layout().n_covariances(n_components) : 1.0;
}

double prior_count(const Prior& prior, const CovarianceStructure& structure, int n_components,
                   int n_features) {
  const double of_means = prior.shrinkage > 0.0 ? 1.0 : 0.0;
  return prior_share(structure, n_components) * structure.layout().prior_rows(prior.dof, n_features) +
         (structure.layout().is_shared() ? n_components : 1) * of_means;
}

double log_prior(const Prior& prior, const Mixture& m, const KernelTable& kernels) {
  const double count = prior_count(prior, *m.structure, m.n_components, m.n_features),
               share = prior_share(*m.structure, m.n_components);
  double sum = 0.0;
  for (int k = 0; k < m.n_components; ++k) {
    if (k < m.n_covariances())  // ln |Sigma| = -2 log_det
      sum += count * m.log_det[k] -
             0.5 * share * m.layout().trace_of_product(prior.scale.data(), m.factor(k), m.n_features);
    sum -= 0.5 * prior.shrinkage * squared_norm(m.whitened(k, prior.mean));
    if (prior.weight != 1.0)
      sum +=
          (prior.weight - 1.0) * log_of(std::max(m.weights[k], std::numeric_limits<double>::min()), kernels);
  }
  return sum;
}

}  // namespace gmmpi
