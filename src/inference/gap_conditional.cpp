// GapConditional: conditional means by slopes, variances of mixtures, draws by semidefinite factors.
#include "inference/gap_conditional.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/random.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

/// L with L L^T = `covariance` (n, n), which may be singular: what is determined gets no spread of its own.
std::vector<double> semidefinite_factor(const std::vector<double>& covariance, std::size_t n) {
  const double rounding = 4.0 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  std::vector<double> factor(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    const auto rest = [&](std::size_t i) {
      double sum = covariance[i * n + j];
      for (std::size_t l = 0; l < j; ++l) sum -= factor[i * n + l] * factor[j * n + l];
      return sum;
    };
    const double pivot = rest(j);
    if (!(pivot > rounding * covariance[j * (n + 1)])) continue;
    const double root = std::sqrt(pivot);
    factor[j * (n + 1)] = root;
    for (std::size_t i = j + 1; i < n; ++i) factor[i * n + j] = rest(i) / root;
  }
  return factor;
}

/// Components of this kind about zero, the covariance (scale) of each of which is the identity.
Mixture unit_mixture(const Mixture& like) {
  Mixture unit = like;
  unit.structure = &find_structure("spherical");
  unit.means.assign(like.means.size(), 0.0);
  unit.covariances.assign(like.n_components, 1.0);
  unit.precisions_cholesky = unit.covariances;
  return unit;
}

}  // namespace

void GapConditional::set_rest(Mixture rest, int n_observed) {
  rest_ = std::move(rest);
  const int K = rest_.n_components, m = rest_.n_features;
  for (double& own : rest_.own) own = rest_.component->own_given(own, n_observed);
  variances_.clear();
  for (int k = 0; k < K; ++k) {
    const std::vector<double> covariance = rest_.component->covariance(rest_, k);
    for (int j = 0; j < m; ++j) variances_.push_back(covariance[std::size_t(j) * (m + 1)]);
  }
  if (rest_.component->has_covariances()) unit_ = unit_mixture(rest_);
  factors_.assign(K, {});
  component_means_.resize(rest_.means.size() * kTile);
  stretches_.assign(std::size_t(K) * kTile, 1.0);
  responsibilities_.resize((std::size_t(K) + all_.noise.has_value()) * kTile);
}

void GapConditional::set_noise(std::shared_ptr<const Background> missing) {
  noise_means_ = missing->mean();
  noise_variances_ = missing->variances();
  noise_ = std::move(missing);
}

void GapConditional::take(const ObservedModelPtr& model) {
  if (model == model_) return;
  const std::vector<int>& missing = model->pattern.missing;
  GMMPI_EXPECT(!missing.empty());
  Mixture rest = selected_columns(all_, missing);
  // Of diagonal layouts the conditional covariances are the marginal ones.
  if (!model->part.missing.slopes.empty()) rest.covariances = model->part.missing.covariances;
  set_rest(std::move(rest), static_cast<int>(model->pattern.observed.size()));
  if (all_.noise) set_noise(all_.noise->background->of_columns(missing, kernels_));
  posterior_.emplace(model->part.given, model->density, kernels_);
  model_ = model;
  scratch_.resize(model->density.scratch_size());
}

void GapConditional::evaluate(const Tile& tile) {
  posterior_->evaluate(tile);
  posterior_->require_in_reach(tile);
  for (std::size_t e = 0; e < responsibilities_.size(); ++e)
    responsibilities_[e] =
        posterior_->responsibility(static_cast<int>(e / kTile), static_cast<int>(e % kTile));
  set_means(tile);
  const Mixture& given = model_->part.given;
  if (given.own.empty()) return;
  model_->density.mahalanobis(tile, scratch_.data(), stretches_.data());
  for (std::size_t e = 0; e < stretches_.size(); ++e)
    stretches_[e] = given.component->stretch_given(given.own[e / kTile], given.n_features, stretches_[e]);
}

void GapConditional::evaluate_nothing() {
  if (!model_ && rest_.n_features == all_.n_features) return;  // that was the last row, too
  model_ = nullptr;
  set_rest(all_, 0);
  if (all_.noise) set_noise(all_.noise->background);
  for (int k = 0; k < all_.n_components; ++k) {
    responsibilities_[std::size_t(k) * kTile] = all_.weights[k];
    for (int j = 0; j < all_.n_features; ++j)
      component_means_[(std::size_t(k) * all_.n_features + j) * kTile] = all_.mean(k)[j];
  }
  if (all_.noise) responsibilities_[std::size_t(all_.n_components) * kTile] = all_.noise->weight;
}

/// mu_k,m + B_k (x_o - mu_k,o) for all rows of the tile.
void GapConditional::set_means(const Tile& tile) {
  const MissingColumns& missing = model_->part.missing;
  const std::size_t m = model_->pattern.missing.size(), o = model_->pattern.observed.size();
  const std::size_t step = all_.is_shared() ? 0 : m * o;
  for (std::size_t e = 0; e < rest_.means.size(); ++e) {
    const std::size_t k = e / m, j = e % m;
    double* out = component_means_.data() + e * kTile;
    std::fill_n(out, kTile, missing.means[e]);
    for (std::size_t i = 0; i < o && !missing.slopes.empty(); ++i) {
      const double slope = missing.slopes[k * step + j * o + i], center = missing.given_means[k * o + i];
      const double* x = tile.xt() + i * kTile;
      for (int r = 0; r < kTile; ++r) out[r] += slope * (x[r] - center);
    }
  }
}

double GapConditional::mean(int j, int row) const {
  double sum = 0.0;
  for (int k = 0; k < rest_.n_components; ++k)
    if (const double p = responsibilities_[std::size_t(k) * kTile + row]; p > 0.0)  // others may lie anywhere
      sum += p * component_mean(k, j, row);
  if (noise_) sum += responsibilities_[std::size_t(rest_.n_components) * kTile + row] * noise_means_[j];
  return sum;
}

double GapConditional::variance(int j, int row, double mean) const {
  double sum = 0.0;
  const auto add = [&](double p, double variance, double center) {
    if (p > 0.0) sum += p * (variance + (center - mean) * (center - mean));
  };
  const int K = rest_.n_components;
  for (int k = 0; k < K; ++k) {
    const std::size_t e = std::size_t(k) * kTile + row;
    add(responsibilities_[e], stretches_[e] * variances_[std::size_t(k) * rest_.n_features + j],
        component_mean(k, j, row));
  }
  if (noise_) add(responsibilities_[std::size_t(K) * kTile + row], noise_variances_[j], noise_means_[j]);
  return sum;
}

/// The lowest k at which the cumulated responsibilities exceed their sum times u.
int GapConditional::draw_component(int row, double u) const {
  double sum = 0.0;
  for (std::size_t e = row; e < responsibilities_.size(); e += kTile) sum += responsibilities_[e];
  double left = u * sum;
  int last = 0;
  for (std::size_t k = 0; k * kTile < responsibilities_.size(); ++k) {
    const double p = responsibilities_[k * kTile + row];
    if (p == 0.0) continue;
    last = static_cast<int>(k);
    if ((left -= p) < 0.0) break;
  }
  return last;
}

const std::vector<double>& GapConditional::factor(int k) {
  std::vector<double>& factor = factors_[k];
  if (factor.empty()) {
    const std::size_t m = rest_.n_features;
    std::vector<double> covariance(m * m);
    rest_.layout().to_full(rest_.covariance(k), rest_.n_features, covariance.data());
    factor = semidefinite_factor(covariance, m);
  }
  return factor;
}

void GapConditional::draw(int row, std::uint64_t seed, std::int64_t position, double* x) {
  const int k = draw_component(row, uniform(seed, Purpose::imputed_component, position, 0));
  const RowRandom random = [&](int i) { return uniform(seed, Purpose::imputed_values, position, i); };
  if (k == rest_.n_components) return noise_->draw(random, x);
  if (!rest_.component->has_covariances()) return rest_.component->draw(rest_, k, random, kernels_, x);
  const int m = rest_.n_features;
  const std::vector<double>& l = factor(k);
  unit_.component->draw(unit_, k, random, kernels_, x);
  const double stretch = std::sqrt(stretches_[std::size_t(k) * kTile + row]);
  for (int i = m - 1; i >= 0; --i) {  // the last first: each needs those before it as they were drawn
    double sum = 0.0;
    for (int j = 0; j <= i; ++j) sum += l[std::size_t(i) * m + j] * x[j];
    x[i] = component_mean(k, i, row) + stretch * sum;
  }
}

}  // namespace gmmpi
