// Marginals by selection, conditionals by Schur complements.
#include "gmmpi/inference/conditional.hpp"

#include <algorithm>
#include <cmath>

#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "inference/comparable.hpp"
#include "inference/tile_posterior.hpp"
#include "model/observed_part.hpp"

namespace gmmpi {

namespace {

void factorise_or_fail(Mixture& m, const KernelTable& kernels, const std::string& what) {
  const std::vector<int> bad = factorise(m, kernels);
  if (!bad.empty())
    throw Error(ExitCode::numerical,
                what + " of component " + std::to_string(bad.front()) +
                    " is not positive definite to the last digit: the columns nearly determine each other; "
                    "leave one out, or fit with a larger `reg_covar`");
}

/// Without factors.
Mixture selected(const Mixture& m, std::span<const int> columns) {
  require_no_noise(m, "the model");
  return selected_columns(m, columns);
}

/// e^x for x so low that it is denormal or 0.
double denormal_exp(double x, const KernelTable& kernels) {
  constexpr double log_scale = 64 * 0.693147180559945309417;
  double scaled = x + log_scale;
  kernels.exp(1, &scaled, &scaled);
  return scaled * 0x1p-64;
}

/// Where the spread of the others depends on how far out the given values lie: each component by itself, so
/// that what they had in common is lost.
void stretch_covariances(const Conditional& c, std::span<const double> values, const KernelTable& kernels,
                         Mixture& m) {
  std::vector<double> stretches;
  for (int k = 0; k < m.n_components; ++k) {
    double squared = 0.0;
    for (const double y : c.given.whitened(k, values)) squared += y * y;
    stretches.push_back(c.given.component->stretch_given(c.given.own[k], c.given.n_features, squared));
  }
  if (m.structure->pools()) m = with_structure(m, comparable(m, m), kernels);
  const std::size_t stride = m.layout().stride(m.n_features);
  for (int k = 0; k < m.n_components; ++k)
    for (std::size_t e = 0; e < stride; ++e) m.covariance(k)[e] *= stretches[k];
  factorise_or_fail(m, kernels, "the conditional covariance");
}

}  // namespace

void check_column_list(std::span<const int> columns, int n_features, int n_left, const std::string& name) {
  std::vector<bool> seen(n_features);
  for (const int j : columns) {
    if (j < 0 || j >= n_features)
      throw Error(ExitCode::usage, name + ": column " + std::to_string(j) +
                                       " does not exist; the columns are 0 to " +
                                       std::to_string(n_features - 1));
    if (seen[j])
      throw Error(ExitCode::usage, name + ": column " + std::to_string(j) + " occurs twice; name it once");
    seen[j] = true;
  }
  if (columns.empty()) throw Error(ExitCode::usage, name + ": names no column; name at least one");
  if (static_cast<int>(columns.size()) + n_left > n_features)
    throw Error(ExitCode::usage, name + ": names all columns; leave at least one out");
}

std::vector<int> other_columns(std::span<const int> columns, int n_features) {
  std::vector<int> others;
  for (int j = 0; j < n_features; ++j)
    if (std::ranges::find(columns, j) == columns.end()) others.push_back(j);
  return others;
}

Mixture marginal(const Mixture& mixture, std::span<const int> keep, const KernelTable& kernels) {
  check_column_list(keep, mixture.n_features, 0, "marginal");
  Mixture out = selected(mixture, keep);
  factorise_or_fail(out, kernels, "the marginal covariance");
  return out;
}

Mixture reordered(const Mixture& mixture, std::span<const int> places, const KernelTable& kernels) {
  Mixture out = marginal(mixture, places, kernels);
  out.label_rule = mixture.label_rule;
  const Transform& t = mixture.label_space;
  if (t.empty()) return out;
  const std::size_t d = t.n_inputs(), m = t.n_outputs();
  Transform& space = out.label_space;
  for (const int j : places) space.center.push_back(t.center[j]);
  if (t.components.empty()) {
    for (const int j : places) space.scale.push_back(t.scale[j]);
    return out;
  }
  space.scale = t.scale;
  for (std::size_t i = 0; i < m; ++i)
    for (const int j : places) space.components.push_back(t.components[i * d + j]);
  return out;
}

Conditional make_conditional(const Mixture& m, std::span<const int> a, std::span<const int> b,
                             const KernelTable& kernels) {
  std::vector<int> both(a.begin(), a.end());
  both.insert(both.end(), b.begin(), b.end());
  check_column_list(both, m.n_features, 0, "condition");
  Conditional c;
  c.a.assign(a.begin(), a.end());
  c.b.assign(b.begin(), b.end());
  c.given = marginal(m, b, kernels);
  c.rest = selected(m, a);
  if (m.n_covariances() > 0 && !m.layout().is_diagonal()) {
    const std::size_t n_a = c.a.size(), n_b = c.b.size();
    c.slopes.resize(m.n_covariances() * n_a * n_b);
    for (int k = 0; k < m.n_covariances(); ++k)
      take_away_given(a, b, m.n_features, m.covariance(k), c.given.factor(k), c.slopes.data() + k * n_a * n_b,
                      c.rest.covariance(k));
  }
  for (double& own : c.rest.own) own = m.component->own_given(own, static_cast<int>(b.size()));
  factorise_or_fail(c.rest, kernels, "the conditional covariance");
  return c;
}

ConditionedMixture condition(const Mixture& mixture, std::span<const int> given,
                             std::span<const double> values, const KernelTable& kernels) {
  GMMPI_EXPECT(given.size() == values.size());
  for (const double value : values) {
    if (!std::isfinite(value))
      throw Error(ExitCode::usage, "condition: a given value is not finite; give finite numbers");
    if (mixture.component->is_binary() && value != 0.0 && value != 1.0)
      throw Error(ExitCode::usage,
                  "condition: a given value is neither 0 nor 1; a column of a Bernoulli mixture is 0 or 1");
  }
  check_column_list(given, mixture.n_features, 1, "condition");
  const Conditional c = make_conditional(mixture, other_columns(given, mixture.n_features), given, kernels);
  Block block;
  block.n_rows = 1;
  block.rows = values.data();
  Tile tile(c.given.n_features, kernels);
  tile.load(block, 0);
  const LogDensity density(c.given, kernels);
  TilePosterior posterior(c.given, density, kernels);
  posterior.evaluate(tile);
  if (posterior.is_out_of_reach(0))
    throw Error(ExitCode::usage,
                "condition: the given values are so far from every component that squared distances exceed "
                "1e300; give values nearer to the model");

  ConditionedMixture out{c.rest, posterior.log_density(0)};
  const std::size_t n_a = c.a.size(), n_b = c.b.size();
  std::vector<double> log_joint(std::size_t(mixture.n_components) * kTile), scratch(density.scratch_size());
  density.log_joint(tile, scratch.data(), log_joint.data());
  for (int k = 0; k < mixture.n_components; ++k) {
    double& weight = out.mixture.weights[k] = posterior.responsibility(k, 0);
    if (weight == 0.0)  // the kernels know no denormal responsibilities
      weight = denormal_exp(log_joint[std::size_t(k) * kTile] - posterior.log_density(0), kernels);
  }
  for (int k = 0; k < mixture.n_components && !c.slopes.empty(); ++k) {
    const double* slopes = c.slopes.data() + (mixture.n_covariances() == 1 ? 0 : k * n_a * n_b);
    for (std::size_t i = 0; i < n_a; ++i)
      for (std::size_t l = 0; l < n_b; ++l)
        out.mixture.means[k * n_a + i] += slopes[i * n_b + l] * (values[l] - c.given.means[k * n_b + l]);
  }
  if (!c.given.own.empty()) stretch_covariances(c, values, kernels, out.mixture);
  return out;
}

}  // namespace gmmpi
