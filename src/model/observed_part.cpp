// observed_part: marginals by selection, slopes and conditional covariances by Schur complements.
#include "model/observed_part.hpp"

#include <algorithm>
#include <numeric>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr double kLeastLift = 1e-13;  ///< of a variance

/// Factorises; covariances that are singular to the last digit are widened.
void factorise_widened(Mixture& m, const KernelTable& kernels) {
  const std::size_t d = m.n_features;
  for (double lift = kLeastLift; lift < 1.0; lift *= 10.0) {
    const std::vector<int> bad = factorise(m, kernels);
    if (bad.empty()) return;
    for (const int k : bad) {
      std::vector<double> more = m.layout().diagonal(m.covariance(k), static_cast<int>(d));
      for (double& v : more) v *= lift;
      m.layout().add_diagonal(more, m.covariance(k));
      if (m.is_shared()) break;
    }
  }
}

/// Slopes and conditional covariances of all components.
void add_conditionals(const Mixture& m, std::span<const int> observed, std::span<const int> missing,
                      const Mixture& given, MissingColumns& out) {
  const std::size_t d = m.n_features, n_m = missing.size(), n_o = observed.size();
  const int n = m.n_covariances();
  out.covariances.resize(n * n_m * n_m);
  const bool correlated = !m.layout().is_diagonal();
  if (correlated) out.slopes.resize(n * n_m * n_o);
  std::vector<double> sigma(d * d);
  for (int k = 0; k < n; ++k) {
    m.layout().to_full(m.covariance(k), m.n_features, sigma.data());
    double* rest = out.covariances.data() + k * n_m * n_m;
    for (std::size_t i = 0; i < n_m; ++i)
      for (std::size_t j = 0; j < n_m; ++j) rest[i * n_m + j] = sigma[missing[i] * d + missing[j]];
    if (!correlated) continue;
    take_away_given(missing, observed, d, sigma.data(), given.factor(k), out.slopes.data() + k * n_m * n_o,
                    rest);
    for (std::size_t i = 0; i < n_m; ++i) rest[i * (n_m + 1)] = std::max(rest[i * (n_m + 1)], 0.0);
  }
}

}  // namespace

Mixture selected_columns(const Mixture& m, std::span<const int> columns) {
  Mixture out;
  out.component = m.component;
  out.own = m.own;
  out.own_sharing = m.own_sharing;
  // Another order of all columns is a rotation that every structure allows.
  out.structure = std::ssize(columns) == m.n_features ? m.structure : &m.structure->after_projection();
  out.n_components = m.n_components;
  out.n_features = static_cast<int>(columns.size());
  out.weights = m.weights;
  for (int k = 0; k < m.n_components; ++k)
    for (const int j : columns) out.means.push_back(m.mean(k)[j]);
  for (int k = 0; k < m.n_covariances(); ++k)
    m.layout().select(m.covariance(k), m.n_features, columns, out.covariances);
  return out;
}

void take_away_given(std::span<const int> a, std::span<const int> b, std::size_t d, const double* sigma,
                     const double* u, double* slopes, double* schur) {
  const std::size_t n_a = a.size(), n_b = b.size();
  std::vector<double> g(n_a * n_b);  // G = Sigma_ab U, of which B = G U^T and B Sigma_ba = G G^T
  for (std::size_t i = 0; i < n_a; ++i)
    for (std::size_t l = 0; l < n_b; ++l) {
      const double s = sigma[a[i] * d + b[l]];
      for (std::size_t j = l; j < n_b; ++j) g[i * n_b + j] += s * u[l * n_b + j];
    }
  for (std::size_t i = 0; i < n_a; ++i)
    for (std::size_t l = 0; l < n_b; ++l) {
      double sum = 0.0;
      for (std::size_t j = l; j < n_b; ++j) sum += g[i * n_b + j] * u[l * n_b + j];
      slopes[i * n_b + l] = sum;
    }
  for (std::size_t i = 0; i < n_a; ++i)
    for (std::size_t j = i; j < n_a; ++j) {
      double sum = 0.0;
      for (std::size_t l = 0; l < n_b; ++l) sum += g[i * n_b + l] * g[j * n_b + l];
      schur[i * n_a + j] -= sum;
      schur[j * n_a + i] = schur[i * n_a + j];
    }
}

std::vector<double> values_of(std::span<const double> values, std::span<const int> columns) {
  std::vector<double> out;
  for (const int j : columns) out.push_back(values[j]);
  return out;
}

ObservedPart observed_part(const Mixture& m, std::span<const int> observed, std::span<const int> missing,
                           const KernelTable& kernels) {
  GMMPI_EXPECT(std::ssize(observed) + std::ssize(missing) == m.n_features && !observed.empty());
  ObservedPart part{selected_columns(m, observed), {}};
  factorise_widened(part.given, kernels);
  part.given.log_volume = m.log_volume;
  if (!m.log_scales.empty()) {
    part.given.log_scales = values_of(m.log_scales, observed);
    part.given.log_volume = std::accumulate(part.given.log_scales.begin(), part.given.log_scales.end(), 0.0);
  }
  part.given.label_rule = m.label_rule;
  if (!m.label_space.empty() && m.label_space.components.empty()) {
    part.given.label_space.center = values_of(m.label_space.center, observed);
    part.given.label_space.scale = values_of(m.label_space.scale, observed);
  }
  if (m.noise) part.given.noise = Noise{m.noise->weight, m.noise->background->of_columns(observed, kernels)};
  for (int k = 0; k < m.n_components; ++k)
    for (const int j : missing) part.missing.means.push_back(m.mean(k)[j]);
  part.missing.given_means = part.given.means;
  if (m.n_covariances() > 0) add_conditionals(m, observed, missing, part.given, part.missing);
  return part;
}

}  // namespace gmmpi
