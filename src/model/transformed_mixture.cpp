// Means by the transform itself, covariances by its linear part.
#include "gmmpi/model/transformed_mixture.hpp"

#include <stdexcept>

#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

bool is_dense(const Mixture& m) {
  return m.shape() == PrecisionShape::dense || m.shape() == PrecisionShape::shared_dense;
}

/// diag(a) C diag(a), for every covariance.
std::vector<double> scaled_covariances(const Mixture& m, const std::vector<double>& a) {
  const std::size_t d = a.size();
  if (m.shape() == PrecisionShape::spherical) {
    std::vector<double> out;
    for (const double variance : m.covariances)
      for (const double factor : a) out.push_back(variance * factor * factor);
    return out;
  }
  std::vector<double> out = m.covariances;
  for (std::size_t e = 0; e < out.size(); ++e)
    out[e] = is_dense(m) ? out[e] * a[e / d % d] * a[e % d] : out[e] * a[e % d] * a[e % d];
  return out;
}

/// The image under a linear map `a` (rows, d); `means` are those of the image already.
Mixture image(const Mixture& m, std::vector<double> means, const std::vector<double>& a, bool diagonal,
              const KernelTable& kernels) {
  if (m.shape() == PrecisionShape::none) throw std::logic_error("components without covariances");
  require_no_noise(m, "the model");
  Mixture out;
  out.n_components = m.n_components;
  out.n_features = static_cast<int>(means.size()) / m.n_components;
  out.weights = m.weights;
  out.means = std::move(means);
  if (diagonal) {
    out.family = m.shape() == PrecisionShape::spherical ? &find_family("diag") : m.family;
    out.covariances = scaled_covariances(m, a);
  } else {
    out.family = is_dense(m) ? m.family : &find_family("full");
    const int n = m.shape() == PrecisionShape::shared_dense ? 1 : m.n_components;
    for (int k = 0; k < n; ++k) {
      const std::vector<double> covariance = covariance_image(full_covariance(m, k), a, m.n_features);
      out.covariances.insert(out.covariances.end(), covariance.begin(), covariance.end());
    }
  }
  if (const std::vector<int> bad = factorise(out, kernels); !bad.empty())
    throw Error(
        ExitCode::numerical,
        "the covariance of component " + std::to_string(bad.front()) +
            " is not positive definite to the last digit in the units of the data: the columns nearly "
            "determine each other; leave one out, or fit with a larger --reg-covar");
  return out;
}

}  // namespace

std::vector<double> covariance_image(const std::vector<double>& c, const std::vector<double>& a, int size) {
  const std::size_t n = size, rows = a.size() / n;
  std::vector<double> ac(rows * n);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t l = 0; l < n; ++l)
      for (std::size_t j = 0; j < n; ++j) ac[i * n + j] += a[i * n + l] * c[l * n + j];
  std::vector<double> out(rows * rows);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = i; j < rows; ++j) {
      double sum = 0.0;
      for (std::size_t l = 0; l < n; ++l) sum += ac[i * n + l] * a[j * n + l];
      out[i * rows + j] = out[j * rows + i] = sum;
    }
  return out;
}

std::vector<double> back_matrix(const Transform& t) {
  const std::size_t d = t.n_inputs(), m = t.n_outputs();
  std::vector<double> a(d * m);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < d; ++j)
      a[j * m + i] = t.scale[i] * (t.components.empty() ? (i == j ? 1.0 : 0.0) : t.components[i * d + j]);
  return a;
}

Mixture mixture_before(const Mixture& mixture, const Transform& t, const KernelTable& kernels) {
  if (t.loses()) throw std::logic_error("a projection cannot be undone");
  std::vector<double> means(mixture.means.size());
  t.invert(mixture.means, means);
  const bool diagonal = t.components.empty();
  return image(mixture, std::move(means), diagonal ? t.scale : back_matrix(t), diagonal, kernels);
}

Mixture mixture_after(const Mixture& mixture, const Transform& t, const KernelTable& kernels) {
  const std::size_t d = t.n_inputs(), m = t.n_outputs();
  std::vector<double> means(mixture.n_components * m);
  t.apply(mixture.means, means);
  std::vector<double> a = t.components;
  for (std::size_t e = 0; e < a.size(); ++e) a[e] /= t.scale[e / d];
  if (a.empty())
    for (const double s : t.scale) a.push_back(1.0 / s);
  return image(mixture, std::move(means), a, t.components.empty(), kernels);
}

}  // namespace gmmpi
