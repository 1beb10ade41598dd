// Means by the transform itself, covariances by its linear part.
#include "gmmpi/model/transformed_mixture.hpp"

#include <algorithm>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "model/layouts/matrix_algebra.hpp"

namespace gmmpi {

namespace {

/// Component k's covariance (d, d) under the map.
std::vector<double> covariance_of_image(const Mixture& m, int k, const std::vector<double>& a,
                                        bool diagonal) {
  std::vector<double> full(std::size_t(m.n_features) * m.n_features);
  m.layout().to_full(m.covariance(k), m.n_features, full.data());
  if (!diagonal) return covariance_image(full, a, m.n_features);
  const std::size_t d = a.size();
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) full[i * d + j] = full[i * d + j] * a[i] * a[j];
  return full;
}

/// The factors of floored components, which their covariances do not tell: U becomes that of (B U)(B U)^T,
/// where B (d, d) is the transposed inverse of the map of rows.
void map_floored_factors(const Mixture& m, const std::vector<double>& b, Mixture& out) {
  const std::size_t d = m.n_features;
  out.floored = m.floored;
  out.precisions_cholesky.resize(out.covariances.size());
  for (const int k : m.floored) {
    std::vector<double> u(d * d);
    m.layout().factor_to_full(m.factor(k), m.n_features, u.data());
    std::vector<double> product(d * d);
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t l = 0; l < d; ++l)
        for (std::size_t j = l; j < d; ++j) product[i * d + j] += b[i * d + l] * u[l * d + j];
    const std::vector<double> mapped = upper_factor(product, m.n_features);
    std::ranges::copy(mapped, out.factor(k));
  }
}

/// The image under a linear map `a` (rows, d); `means` are those of the image already, `inverse` is the
/// transposed inverse of the map; empty: there is none.
Mixture image(const Mixture& m, std::vector<double> means, const std::vector<double>& a, bool diagonal,
              const std::vector<double>& inverse, const KernelTable& kernels) {
  if (!m.component->has_covariances()) throw std::logic_error("components without covariances");
  require_no_noise(m, "the model");
  Mixture out;
  out.n_components = m.n_components;
  out.n_features = static_cast<int>(means.size()) / m.n_components;
  out.weights = m.weights;
  out.means = std::move(means);
  out.component = m.component;
  out.own = m.own;
  out.own_sharing = m.own_sharing;
  out.structure = diagonal ? &m.structure->after_scaling() : &m.structure->after_map();
  for (int k = 0; k < out.n_covariances(); ++k) {
    const std::vector<double> covariance = covariance_of_image(m, k, a, diagonal);
    out.layout().append(covariance, out.n_features, out.covariances);
  }
  if (!out.layout().is_diagonal() && !inverse.empty() && !m.floored.empty())
    map_floored_factors(m, inverse, out);
  if (const std::vector<int> bad = factorise(out, kernels); !bad.empty())
    throw Error(
        ExitCode::numerical,
        "the covariance of component " + std::to_string(bad.front()) +
            " is not positive definite to the last digit in the units of the data: the columns nearly "
            "determine each other; leave one out, or fit with a larger `reg_covar`");
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

namespace {

/// The transposed inverse of back_matrix, P^T S^-1, as components are orthonormal.
std::vector<double> inverse_back_matrix(const Transform& t) {
  std::vector<double> b = back_matrix(t);
  const std::size_t m = t.n_outputs();
  for (std::size_t e = 0; e < b.size(); ++e) b[e] /= t.scale[e % m] * t.scale[e % m];
  return b;
}

}  // namespace

Mixture mixture_before(const Mixture& mixture, const Transform& t, const KernelTable& kernels) {
  if (t.loses()) throw std::logic_error("a projection cannot be undone");
  std::vector<double> means(mixture.means.size());
  t.invert(mixture.means, means);
  const bool diagonal = t.components.empty();
  Mixture out = image(mixture, std::move(means), diagonal ? t.scale : back_matrix(t), diagonal,
                      inverse_back_matrix(t), kernels);
  out.label_rule = mixture.label_rule;
  if (mixture.label_rule == LabelRule::nearest) out.label_space = t;  // where k-means measured distances
  return out;
}

Mixture mixture_after(const Mixture& mixture, const Transform& t, const KernelTable& kernels) {
  const std::size_t d = t.n_inputs(), m = t.n_outputs();
  std::vector<double> means(mixture.n_components * m);
  t.apply(mixture.means, means);
  std::vector<double> a = t.components;
  for (std::size_t e = 0; e < a.size(); ++e) a[e] /= t.scale[e / d];
  if (a.empty())
    for (const double s : t.scale) a.push_back(1.0 / s);
  std::vector<double> inverse;  // transposed, of the way there: the way back, transposed
  if (const std::vector<double> back = back_matrix(t); d == m)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) inverse.push_back(back[j * d + i]);
  return image(mixture, std::move(means), a, t.components.empty(), inverse, kernels);
}

}  // namespace gmmpi
