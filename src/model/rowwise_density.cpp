// RowwiseDensity: a factorisation for every row and component, rows as lanes.
#include "model/rowwise_density.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"
#include "gmmpi/model/prepared.hpp"

namespace gmmpi {

namespace {

constexpr double kLog2Pi = 1.83787706640934548356;
constexpr double kMostDistance = 1e300;

}  // namespace

RowwiseDensity::RowwiseDensity(const Mixture& m, const KernelTable& kernels)
    : K_(m.n_components),
      d_(m.n_features),
      kernels_(kernels),
      means_(m.means.begin(), m.means.end()),
      covariances_(std::size_t(K_) * d_ * d_),
      constants_(K_),
      log_scales_(m.log_scales) {
  GMMPI_EXPECT(m.n_covariances() > 0);
  for (int k = 0; k < K_; ++k)
    m.layout().to_full(m.covariance(k), d_, covariances_.data() + std::size_t(k) * d_ * d_);
  log_weights(kernels, m.weights, constants_.data());
  for (double& c : constants_) c += m.log_volume;
  if (most_missing() > 0) few_gaps_.emplace(m);
}

/// Of component k; rows beyond the tile's end, of which the kernel makes anything, get 0.
void RowwiseDensity::distances(const Tile& tile, int k, double* scratch, double* q, double* log_det) const {
  kernels_.observed_density(tile.observed(), mean(k), covariance(k), scratch, q, log_det);
  std::fill(q + tile.n_rows(), q + kTile, 0.0);
  std::fill(log_det + tile.n_rows(), log_det + kTile, 0.0);
}

void RowwiseDensity::mahalanobis(const Tile& tile, double* out) const {
  AlignedDoubles scratch(observed_scratch(d_));
  alignas(64) double log_det[kTile];
  for (int k = 0; k < K_; ++k) distances(tile, k, scratch.data(), out + std::int64_t{k} * kTile, log_det);
}

void RowwiseDensity::few_gaps_distances(const Tile& tile, const GapLists& gaps, int k, double* scratch,
                                        double* q, double* log_det) const {
  alignas(64) double few_q[kTile], of_missing[kTile];
  const FewGaps& few = *few_gaps_;
  kernels_.few_gaps_density(few.task(k, tile.n_rows(), tile.xt(), gaps), scratch, few_q, of_missing);
  const double least_observed = d_ - most_missing();
  for (int r = 0; r < tile.n_rows(); ++r) {
    if (tile.n_observed()[r] < least_observed) continue;
    q[r] = few_q[r];
    log_det[r] = few.log_det(k) + of_missing[r];
  }
}

void RowwiseDensity::log_joint(const Tile& tile, double* out) const {
  AlignedDoubles scratch(std::max(observed_scratch(d_), few_gaps_scratch(d_)));
  alignas(64) double q[kTile] = {}, log_det[kTile] = {};  // rows beyond the tile's end keep 0
  const ObservedRows rows = tile.observed();
  std::optional<GapLists> gaps;
  if (few_gaps_ && !rows.errors) gaps.emplace(d_);
  int n_few = 0;
  for (int r = 0; gaps && r < tile.n_rows(); ++r) {
    if (tile.n_observed()[r] < d_ - most_missing()) continue;
    gaps->set(r, tile.x() + Index{r} * padded(d_));
    ++n_few;
  }
  for (int k = 0; k < K_; ++k, out += kTile) {
    const bool any_few = n_few > 0 && few_gaps(k);
    if (!any_few || n_few < tile.n_rows()) distances(tile, k, scratch.data(), q, log_det);
    if (any_few) few_gaps_distances(tile, *gaps, k, scratch.data(), q, log_det);
    for (int r = 0; r < kTile; ++r)
      out[r] = constants_[k] -
               0.5 * (std::min(q[r], kMostDistance) + (log_det[r] + kLog2Pi * tile.n_observed()[r]));
    const double* mask = rows.mask;
    for (std::size_t j = 0; j < log_scales_.size() && mask; ++j, mask += kTile)  // what is missing has none
      for (int r = 0; r < kTile; ++r) out[r] -= (1.0 - mask[r]) * log_scales_[j];
  }
}

}  // namespace gmmpi
