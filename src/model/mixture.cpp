// Mixture: validation, single components, change of structure.
#include "gmmpi/model/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "gmmpi/error.hpp"
#include "gmmpi/kernels/scatter_shape.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

std::vector<double> Mixture::whitened(int k, std::span<const double> x) const {
  std::vector<double> difference(x.begin(), x.end()), out(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) difference[j] -= mean(k)[j];
  layout().whiten(factor(k), n_features, difference.data(), out.data());
  return out;
}

std::int64_t Mixture::n_parameters() const {
  return n_components - 1 + std::int64_t{n_components} * n_features +
         structure->n_covariance_parameters(n_components, n_features) + n_noise_parameters() +
         n_own_parameters();
}

std::int64_t Mixture::n_noise_parameters() const {
  return noise ? 1 + noise->background->n_parameters() : 0;
}

std::int64_t Mixture::n_own_parameters() const {
  if (component->own_name().empty() || own_sharing == Sharing::fixed) return 0;
  return own_sharing == Sharing::each ? n_components : 1;
}

void Mixture::become(const Kind& kind) {
  component = kind.component;
  structure = kind.structure;
  own_sharing = kind.own.sharing;
  if (component->own_name().empty()) return own.clear();
  if (own.empty()) own.assign(n_components, component->own_at_start());
  if (own_sharing == Sharing::fixed) own.assign(n_components, kind.own.value);
  if (own_sharing != Sharing::shared || std::ranges::count(own, own[0]) == std::ssize(own)) return;
  double sum = 0.0, weight = 0.0;
  for (int k = 0; k < n_components; ++k) sum += weights[k] * own[k], weight += weights[k];
  own.assign(n_components, sum / weight);
}

namespace {

void require(bool condition, const std::string& name, const std::string& problem) {
  if (!condition) throw Error(ExitCode::bad_data, name + ": " + problem);
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

/// Floored components bring their own.
void require_factors(const Mixture& m, const std::string& name) {
  if (m.floored.empty()) return;
  require(
      m.precisions_cholesky.size() == m.covariances.size() && all_finite(m.precisions_cholesky), name,
      "precisions_cholesky must be finite and shaped like covariances; write it so, or remove degenerate");
  for (std::size_t i = 0; i < m.floored.size(); ++i) {
    const int k = m.floored[i];
    require(k >= (i > 0 ? m.floored[i - 1] + 1 : 0) && k < m.n_components, name,
            "degenerate must hold numbers of components, ascending; write it so, or remove it");
    require(m.layout().has_positive_diagonal(m.factor(k), m.n_features), name,
            "precisions_cholesky has a diagonal that is not positive; write it so, or remove degenerate");
  }
}

void require_shapes(const Mixture& m, const std::string& name) {
  const std::size_t K = m.n_components, d = m.n_features;
  std::size_t n_covariances = 1;
  for (const std::size_t n : m.layout().dims(m.n_components, m.n_features)) n_covariances *= n;
  require(K > 0 && d > 0, name, "the model has no components or no columns");
  require(m.weights.size() == K && m.means.size() == K * d && m.covariances.size() == n_covariances, name,
          "weights, means and " + std::string(m.component->matrices_name()) +
              " do not have the shapes of covariance type '" + std::string(m.structure->name()) +
              "'; write them as (K), (K, d) and as `gmmpi fit` does");
  require(m.own.size() == (m.component->own_name().empty() ? 0 : K), name,
          std::string(m.component->own_name()) + " is not a (K) array; write it so");
  require(all_finite(m.weights) && all_finite(m.means) && all_finite(m.covariances) && all_finite(m.own),
          name, "the model holds NaN or infinite numbers; write finite ones");
}

void validate_noise(const Mixture& m, const std::string& name) {
  if (!m.noise) return;
  require(m.label_rule == LabelRule::posterior, name,
          "a mixture with noise has no nearest means; remove the attribute assignment");
  require(m.component->goes_with_noise(), name,
          "a " + std::string(m.component->title()) + " mixture has no noise; remove noise_weight");
  const double weight = m.noise->weight;
  require(std::isfinite(weight) && weight >= 0.0, name,
          "noise_weight is negative, NaN or infinite; write a number from 0 to 1");
  m.noise->background->validate(m.n_features, name);
}

void normalise_weights(Mixture& m, const std::string& name) {
  for (const double w : m.weights) require(w >= 0.0, name, "a weight is negative; weights must be >= 0");
  validate_noise(m, name);
  const double sum = std::accumulate(m.weights.begin(), m.weights.end(), m.noise ? m.noise->weight : 0.0);
  require(std::abs(sum - 1.0) <= 1e-6, name,
          "the weights sum to " + std::to_string(sum) + " instead of 1; rescale them");
  if (std::abs(sum - 1.0) <= 1e-14) return;
  for (double& w : m.weights) w /= sum;
  if (m.noise) m.noise->weight /= sum;
}

}  // namespace

void require_no_noise(const Mixture& m, const std::string& name) {
  if (!m.noise) return;
  throw Error(ExitCode::bad_data, name + ": has a " + std::string(m.noise->background->name()) +
                                      " noise component, which is not possible here; use score, predict, "
                                      "sample or info, or fit without `noise`");
}

void validate(Mixture& m, const KernelTable& kernels, const std::string& name) {
  require_shapes(m, name);
  m.component->validate(m, name);
  for (const double value : m.own) try {
      m.component->validate_own(value);
    } catch (const Error& e) {
      throw Error(ExitCode::bad_data, name + ": " + e.what());
    }
  normalise_weights(m, name);
  for (int k = 0; k < m.n_covariances(); ++k)
    require(m.layout().is_symmetric(m.covariance(k), m.n_features), name,
            "covariance " + std::to_string(k) + " is not symmetric; give a symmetric matrix");
  require_factors(m, name);
  const std::vector<int> bad = factorise(m, kernels);
  if (!bad.empty())
    throw Error(ExitCode::bad_data, name + ": the covariance of component " + std::to_string(bad.front()) +
                                        " is not positive definite; enlarge its diagonal");
}

void copy_component(const Mixture& from, int k, Mixture& to) {
  std::ranges::copy(from.mean(k), to.mean(k).begin());
  if (!to.own.empty()) to.own[k] = from.own[k];
  if (to.is_shared()) return;
  const std::size_t stride = to.layout().stride(to.n_features);
  std::copy_n(from.covariance(k), stride, to.covariance(k));
  std::copy_n(from.factor(k), stride, to.factor(k));
  std::erase(to.floored, k);
  if (std::ranges::binary_search(from.floored, k))
    to.floored.insert(std::ranges::lower_bound(to.floored, k), k);
}

std::vector<double> full_covariance(const Mixture& m, int k) {
  return m.component->covariance(m, k);
}

namespace {

/// The covariances of `m` as the scatter of its components: of one row each, or, where the structure takes
/// several together, of their weights.
std::vector<double> scatter_of(const Mixture& m, ScatterShape shape, const std::vector<double>& counts) {
  const MomentLayout layout{m.n_components, m.n_features, shape};
  std::vector<double> scatter(layout.n_scatters() * scatter_size(shape, m.n_features));
  for (int k = 0; k < m.n_components; ++k) {
    std::vector<double> full(std::size_t(m.n_features) * m.n_features);
    m.layout().to_full(m.covariance(k), m.n_features, full.data());
    layout.for_each_entry(k, [&](int i, int j, std::int64_t place) {
      scatter[place] += counts[k] * full[std::size_t(i) * m.n_features + j];
    });
  }
  return scatter;
}

}  // namespace

Mixture with_structure(const Mixture& m, const CovarianceStructure& structure, const KernelTable& kernels) {
  Mixture out = m;
  out.structure = &structure;
  out.label_rule = LabelRule::posterior;
  out.label_space = {};
  if (structure.name() == m.structure->name()) return out;
  if (!m.component->has_covariances() || structure.layout().n_covariances(1) == 0)
    throw std::logic_error("components without covariances");
  std::vector<double> counts(m.n_components, 1.0);
  if (structure.pools())
    for (int k = 0; k < m.n_components; ++k)
      counts[k] = std::max(m.weights[k], std::numeric_limits<double>::min());
  const std::vector<double> scatter = scatter_of(m, structure.scatter_shape(), counts);
  out.floored.clear();
  std::vector<int> empty;
  for (int k = 0; k < m.n_components; ++k)
    if (structure.pools() && m.weights[k] == 0.0) empty.push_back(k);
  out.covariances =
      structure.covariances({m.n_components, m.n_features, counts, 1.0, scatter, {}, {}, &kernels, empty});
  factorise(out, kernels);
  return out;
}

}  // namespace gmmpi
