// condition_numbers.
#include "gmmpi/inference/diagnostics.hpp"

namespace gmmpi {

std::vector<double> condition_numbers(const Mixture& m) {
  std::vector<double> conditions;
  for (int k = 0; k < m.n_covariances(); ++k)
    conditions.push_back(m.layout().condition_number(m.covariance(k), m.n_features));
  return conditions;
}

}  // namespace gmmpi
