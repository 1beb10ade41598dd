// Components without rows, and scatters that are singular.
#include "model/structures/joint.hpp"

#include <algorithm>
#include <cmath>

#include "model/symmetric_eigen.hpp"

namespace gmmpi {

namespace {

/// The entries of some of K equal parts.
std::vector<double> parts(std::span<const double> all, int K, const std::vector<int>& which) {
  const std::ptrdiff_t size = std::ssize(all) / K;
  std::vector<double> out;
  for (const int k : which) out.insert(out.end(), all.begin() + k * size, all.begin() + (k + 1) * size);
  return out;
}

void note_raised(const CentralScatter& m, int k) {
  if (m.raised) m.raised->push_back(k);
}

/// Whether all variances of component k are below the floor; `step` leads from one diagonal entry of its
/// scatter, packed or not, to the next.
bool is_tiny(const CentralScatter& m, int k, bool packed) {
  const int d = m.n_features;
  if (m.floor.empty()) return false;
  const std::size_t size = packed ? std::size_t(d) * (d + 1) / 2 : d;
  const double* entry = m.scatter.data() + k * size;
  for (int j = 0; j < d; ++j) {
    if (*entry > m.counts[k] * m.floor[j]) return false;
    entry += packed ? d - j : 1;
  }
  return true;
}

/// Whether N_k F is certainly below W: tr(N_k F W^-1) <= 1.
bool is_above(const std::vector<double>& W, double count, std::span<const double> floor) {
  const int d = static_cast<int>(floor.size());
  const std::vector<double> L = cholesky_factor(W, d);
  if (L.empty()) return false;
  const std::vector<double> inverse = inverse_of_lower(L, d);
  double trace = 0.0;
  for (int i = 0; i < d; ++i)
    for (int j = 0; j <= i; ++j) {
      const double entry = inverse[std::size_t(i) * d + j];
      trace += entry * entry * floor[j];
    }
  return trace * count <= 1.0;
}

/// Raises the eigenvalues of F^-1/2 W F^-1/2 to `count`; false if none is below.
bool raise(std::vector<double>& W, double count, std::span<const double> floor) {
  const std::size_t d = floor.size();
  std::vector<double> scaled = W;
  for (std::size_t e = 0; e < scaled.size(); ++e)
    scaled[e] /= std::sqrt(floor[e / d]) * std::sqrt(floor[e % d]);
  SymmetricEigen eigen = symmetric_eigen(scaled, static_cast<int>(d));
  if (eigen.values.back() >= count) return false;
  for (double& value : eigen.values) value = std::max(value, count);
  for (std::size_t e = 0; e < eigen.vectors.size(); ++e) eigen.vectors[e] *= std::sqrt(floor[e % d]);
  W.clear();
  append_from_axes(eigen.vectors, eigen.values, W);
  return true;
}

}  // namespace

std::vector<double> JointStructure::covariances(const CentralScatter& moments) const {
  CentralScatter m = moments;
  if (!m.kernels) m.kernels = &select_kernels();
  const int K = m.n_components;
  if (m.empty.empty()) return maximise(m);
  std::vector<int> present;
  for (int k = 0; k < K; ++k)
    if (!std::ranges::binary_search(m.empty, k)) present.push_back(k);
  if (present.empty()) {  // nothing of this is used
    m.empty = {};
    return maximise(m);
  }
  const std::vector<double> counts = parts(m.counts, K, present), scatter = parts(m.scatter, K, present),
                            before = parts(m.before, K, present);
  std::vector<int> raised;
  m.n_components = static_cast<int>(present.size());
  m.counts = counts;
  m.scatter = scatter;
  m.before = before;
  m.empty = {};
  m.raised = &raised;
  m.total_weight = 0.0;
  for (const double n : counts) m.total_weight += n;
  const std::vector<double> of_present = maximise(m);
  const std::size_t stride = of_present.size() / present.size();
  std::vector<double> mean(stride), out;
  for (std::size_t e = 0; e < of_present.size(); ++e)
    mean[e % stride] += of_present[e] / static_cast<double>(present.size());
  auto next = of_present.begin();
  for (int k = 0; k < K; ++k)
    if (std::ranges::binary_search(present, k)) {
      out.insert(out.end(), next, next + std::ptrdiff_t(stride));
      next += std::ptrdiff_t(stride);
    } else {
      out.insert(out.end(), mean.begin(), mean.end());
    }
  if (moments.raised)
    for (const int k : raised) moments.raised->push_back(present[k]);
  return out;
}

std::vector<double> scatters_of_some_size(const CentralScatter& m) {
  std::vector<double> out(m.scatter.begin(), m.scatter.end());
  for (int k = 0; k < m.n_components; ++k) {
    if (!is_tiny(m, k, false)) continue;
    for (int j = 0; j < m.n_features; ++j) out[std::size_t(k) * m.n_features + j] = m.counts[k] * m.floor[j];
    note_raised(m, k);
  }
  return out;
}

std::vector<double> scatters_above_floor(const CentralScatter& m) {
  std::vector<double> out(m.scatter.begin(), m.scatter.end());
  if (m.floor.empty()) return out;
  for (int k = 0; k < m.n_components; ++k) {
    bool changed = false;
    for (int j = 0; j < m.n_features; ++j) {
      double& entry = out[std::size_t(k) * m.n_features + j];
      const double least = m.counts[k] * m.floor[j];
      changed = changed || entry < least;
      entry = std::max(entry, least);
    }
    if (changed) note_raised(m, k);
  }
  return out;
}

std::vector<std::vector<double>> full_scatters_above_floor(const CentralScatter& m) {
  std::vector<std::vector<double>> out;
  for (int k = 0; k < m.n_components; ++k) {
    std::vector<double>& W = out.emplace_back(full_scatter(m, k));
    if (m.floor.empty() || is_above(W, m.counts[k], m.floor)) continue;
    if (raise(W, m.counts[k], m.floor)) note_raised(m, k);
  }
  return out;
}

std::vector<std::vector<double>> full_scatters_of_some_size(const CentralScatter& m) {
  const int d = m.n_features;
  std::vector<std::vector<double>> out;
  for (int k = 0; k < m.n_components; ++k) {
    std::vector<double>& W = out.emplace_back(full_scatter(m, k));
    if (!is_tiny(m, k, true)) continue;
    for (int j = 0; j < d; ++j) W[std::size_t(j) * (d + 1)] += m.counts[k] * m.floor[j];
    note_raised(m, k);
  }
  return out;
}

}  // namespace gmmpi
