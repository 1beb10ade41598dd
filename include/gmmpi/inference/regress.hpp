// Gaussian mixture regression: some columns from the others, for every row.
#pragma once

#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_sink.hpp"
#include "gmmpi/inference/conditional.hpp"

namespace gmmpi {

/// The datasets that `regress` writes, in this order; t = number of targets.
struct RegressOptions {
  bool covariance = false;   ///< /covariance (N, t, t): Cov[x_a | x_b], after /mean and /variance
  bool log_density = false;  ///< /log_density (N): ln p(x_b), how usual the given columns are
};

/// /mean (N, t): E[x_a | x_b]; /variance (N, t): its diagonal of Cov[x_a | x_b]; then what is asked for.
/// `names` of the targets, in their order.
std::vector<OutputColumn> regress_columns(const RegressOptions& options,
                                          const std::vector<std::string>& names);

/// Collective. x_a are the columns `targets` of the mixture, in that order; x_b the others. The data hold
/// either all columns of the mixture, of which the targets are not looked at, or only those of x_b, in
/// ascending order. With r_k = p(k | x_b) and the component's conditional mean m_k and covariance S_k,
/// E = sum_k r_k m_k and Cov = sum_k r_k (S_k + (m_k - E)(m_k - E)^T). Bishop (2006), exercise 9.10;
/// Ghahramani & Jordan (1994). Each rank writes its own rows to `sink`, block by block; NaN for rows of
/// weight zero. Errors: 64 targets, 65 number of columns, 79 as marginal.
void regress(const Execution& execution, const Data& data, const Mixture& mixture,
             const std::vector<int>& targets, const RegressOptions& options, const RowSink& sink);

}  // namespace gmmpi
