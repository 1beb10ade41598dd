// prior_of_data: one more pass for the covariance.
#include "em/prior_of_data.hpp"

#include <numeric>

#include "em/assignments.hpp"

namespace gmmpi {

namespace {

/// (d, d), divided by the total weight.
std::vector<double> data_covariance(const Execution& execution, const Data& data,
                                    const DataMoments& moments) {
  const CovarianceStructure& full = unconstrained(matrices());
  const AllRows all;
  const auto sum_about = [&](const std::vector<double>& c) {
    return sweep(execution, data, all, c, full.scatter_shape());
  };
  bool recentred = false;
  return m_step_guarded(execution, sum_about(moments.mean), full, Regularisation(), sum_about, recentred)
      .model.covariances;
}

}  // namespace

Prior prior_of_data(const Execution& execution, const Data& data, const FitOptions& options,
                    DataMoments& moments) {
  const std::size_t d = data.n_columns();
  const bool dense = !options.structure->layout().is_diagonal();
  std::vector<double> covariance =
      dense ? data_covariance(execution, data, moments) : std::vector<double>(moments.variance);
  double mean = std::accumulate(moments.variance.begin(), moments.variance.end(), 0.0) / double(d);
  if (mean == 0.0) mean = 1.0;
  for (std::size_t j = 0; j < d; ++j) {
    if (moments.variance[j] > 0.0) continue;
    moments.variance[j] = mean;
    for (std::size_t i = 0; dense && i < d; ++i) covariance[i * d + j] = covariance[j * d + i] = 0.0;
    covariance[dense ? j * (d + 1) : j] = mean;
  }
  const auto n = static_cast<double>(data.summary().n_rows);
  if (dense && n <= static_cast<double>(d))  // such a matrix is singular: its diagonal alone, as in mclust
    for (std::size_t e = 0; e < covariance.size(); ++e)
      if (e % (d + 1) != 0) covariance[e] = 0.0;
  for (double& c : covariance) c *= n > 1.0 ? n / (n - 1.0) : 1.0;
  return make_prior(*options.prior, *options.structure, options.n_components, moments.mean, covariance,
                    *execution.kernels);
}

}  // namespace gmmpi
