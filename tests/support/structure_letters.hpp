// How far covariances are from what the letters of their structure say, and moves that keep to them.
#pragma once

#include <Eigen/Dense>
#include <functional>
#include <vector>

#include "gmmpi/model/mixture.hpp"

namespace letters {

using Matrices = std::vector<Eigen::MatrixXd>;

/// All covariances as (d, d) matrices.
Matrices covariances_of(const gmmpi::Mixture& mixture);

/// The largest violation of volume, shape and orientation as mclust's three letters name them: relative for
/// volumes and shapes, over the product of standard deviations for entries.
double violation(const Matrices& covariances, std::string_view letters);

/// The covariances after a random move of about that size within the structure; `normal` draws normal
/// numbers.
Matrices moved(const Matrices& covariances, std::string_view letters, double size,
               const std::function<double()>& normal);

/// sum_k -N_k / 2 ln |Sigma_k| - tr(Sigma_k^-1 W_k) / 2.
double expected_log_likelihood(const Matrices& covariances, const Matrices& scatters,
                               const std::vector<double>& counts);

}  // namespace letters
