// Column means and variances: one component that holds every row.
#include "em/data_moments.hpp"

#include "em/assignments.hpp"
#include "em/m_step.hpp"

namespace gmmpi {

DataMoments data_moments(const Execution& execution, const Data& data) {
  const std::size_t d = data.n_columns();
  if (const Gaps& gaps = data.summary().gaps; !gaps.mean.empty()) return {gaps.mean, gaps.variance};
  const CovarianceStructure& diag = unconstrained(variances());
  const AllRows all;
  const auto sum_about = [&](const std::vector<double>& c) {
    return sweep(execution, data, all, c, diag.scatter_shape());
  };
  std::vector<double> middle(d);
  for (std::size_t j = 0; j < d; ++j)
    middle[j] = data.summary().minimum[j] + 0.5 * (data.summary().maximum[j] - data.summary().minimum[j]);
  bool recentred = false;
  const MStep step =
      m_step_guarded(execution, sum_about(middle), diag, Regularisation(), sum_about, recentred);
  DataMoments moments{step.model.means, step.model.covariances};
  for (std::size_t j = 0; j < d; ++j)
    if (data.summary().minimum[j] == data.summary().maximum[j]) moments.variance[j] = 0.0;
  return moments;
}

}  // namespace gmmpi
