// Conjugate priors on the parameters of a Gaussian mixture, for MAP fits.
#pragma once

#include <optional>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace gmmpi {

/// What a prior is made of, besides the data's mean and covariance. The defaults are mclust's (Fraley &
/// Raftery, J. Classification 24, 2007).
struct PriorOptions {
  double shrinkage = 0.01;      ///< kappa >= 0: rows that the prior mean counts as; 0: means are free
  std::optional<double> dof;    ///< nu; none: d + 2
  std::optional<double> scale;  ///< factor of the data's covariance; none: K^(-2/d)
  double weight = 1.0;          ///< alpha >= 1 of the Dirichlet; 1: weights are free

  bool operator==(const PriorOptions&) const = default;
};

/// pi ~ Dirichlet(alpha, ..., alpha), mu_k | Sigma_k ~ N(mean, Sigma_k / kappa) and, by the layout,
/// - matrices: Sigma_k ~ inverse Wishart(nu, scale), density ~ |Sigma|^-((nu + d + 1) / 2)
///   exp(-tr(scale Sigma^-1) / 2);
/// - variances: each ~ inverse gamma(nu / 2, scale / 2), density ~ v^-(nu / 2 + 1) exp(-scale / (2 v));
/// one such density if all components have one covariance, else the product of theirs, restricted to the
/// covariances that the structure allows. So it is conjugate for each structure: rows that were seen before.
struct Prior {
  double weight = 1.0;        ///< alpha
  double shrinkage = 0.0;     ///< kappa
  double dof = 0.0;           ///< nu
  std::vector<double> mean;   ///< (d)
  std::vector<double> scale;  ///< as one component's covariance: (d, d), (d), or one number
};

/// For data of this mean (d) and covariance, divided by N - 1: (d, d) for matrices, (d) variances for the
/// diagonal layouts.
Prior make_prior(const PriorOptions& options, const CovarianceStructure& structure, int n_components,
                 const std::vector<double>& mean, const std::vector<double>& covariance,
                 const KernelTable& kernels);

/// Error 64 unless the options make a proper prior: dof more than d - 1, or than 0 for diagonal layouts.
void validate_prior(const PriorOptions& options, const Kind& kind, int n_features);

/// How many priors of one covariance go with each covariance that is stored: 1, but 1/K where one is stored K
/// times.
double prior_share(const CovarianceStructure& structure, int n_components);

/// What N_k (for a matrix that all share W) grows by in the denominator of the M-step of covariances, in
/// rows.
double prior_count(const Prior& prior, const CovarianceStructure& structure, int n_components,
                   int n_features);

/// ln p(parameters), up to a constant that depends on the prior alone. The mixture must be factorised.
double log_prior(const Prior& prior, const Mixture& mixture, const KernelTable& kernels);

}  // namespace gmmpi
