// mixture_moments.
#include "gmmpi/inference/moments.hpp"

#include "gmmpi/model/transformed_mixture.hpp"

namespace gmmpi {

MixtureMoments mixture_moments(const Mixture& m) {
  const std::size_t d = m.n_features;
  const double* first = m.means.data();  // means about it, so that a common offset costs no digits
  MixtureMoments moments{{first, first + d}, std::vector<double>(d * d)};
  for (std::size_t j = 0; j < d; ++j) {
    double shift = 0.0;
    for (int k = 0; k < m.n_components; ++k) shift += m.weights[k] * (m.means[k * d + j] - first[j]);
    moments.mean[j] += shift;
  }
  for (int k = 0; k < m.n_components; ++k) {
    const std::vector<double> sigma = full_covariance(m, k);
    const double* mean = m.means.data() + k * d;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        moments.covariance[i * d + j] +=
            m.weights[k] * (sigma[i * d + j] + (mean[i] - moments.mean[i]) * (mean[j] - moments.mean[j]));
  }
  return moments;
}

MixtureMoments mixture_moments(const Mixture& mixture, const Transform& transform) {
  const MixtureMoments own = mixture_moments(mixture);
  if (transform.empty()) return own;
  MixtureMoments before{std::vector<double>(transform.n_inputs()), {}};
  transform.invert(own.mean, before.mean);
  before.covariance = covariance_image(own.covariance, back_matrix(transform), mixture.n_features);
  return before;
}

}  // namespace gmmpi
