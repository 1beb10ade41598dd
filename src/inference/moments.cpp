// mixture_moments.
#include "gmmpi/inference/moments.hpp"

#include "gmmpi/model/transformed_mixture.hpp"

namespace gmmpi {

namespace {

/// A part of the mixture: its weight, mean (d) and covariance (d, d).
struct Part {
  double weight;
  std::vector<double> mean, covariance;
};

}  // namespace

MixtureMoments mixture_moments(const Mixture& m) {
  const std::size_t d = m.n_features;
  std::vector<Part> parts;
  for (int k = 0; k < m.n_components; ++k) {
    const double* mean = m.means.data() + k * d;
    parts.push_back({m.weights[k], {mean, mean + d}, full_covariance(m, k)});
  }
  if (m.noise) {
    parts.push_back({m.noise->weight, m.noise->background->mean(), std::vector<double>(d * d)});
    const std::vector<double> variances = m.noise->background->variances();
    for (std::size_t j = 0; j < d; ++j) parts.back().covariance[j * (d + 1)] = variances[j];
  }
  const double* first = m.means.data();  // means about it, so that a common offset costs no digits
  MixtureMoments moments{{first, first + d}, std::vector<double>(d * d)};
  for (std::size_t j = 0; j < d; ++j) {
    double shift = 0.0;
    for (const Part& part : parts) shift += part.weight * (part.mean[j] - first[j]);
    moments.mean[j] += shift;
  }
  for (const Part& part : parts)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        moments.covariance[i * d + j] +=
            part.weight * (part.covariance[i * d + j] +
                           (part.mean[i] - moments.mean[i]) * (part.mean[j] - moments.mean[j]));
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
