// Resolution: peaks, and bounds from them by the inequality of Cauchy and Schwarz.
#include "em/resolution.hpp"

#include <algorithm>
#include <cmath>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

/// Rounding the terms of 64 to 10^6 blocks to the quantum leaves such a sum all but the last of its 53 bits.
constexpr double kEnoughQuanta = 0x1p57;
/// Less than this share of a bound is worth another sweep. (A first moment may be small because it cancels.)
constexpr double kWorthwhile = 0x1p-30;
constexpr double kMargin = 1.0001;  ///< for the rounding inside blocks

}  // namespace

Resolution::Resolution(const MomentLayout& layout, MomentNeeds needs) : layout_(layout), needs_(needs) {
  GMMPI_EXPECT(needs_.negligible.empty() || std::ssize(needs_.negligible) == layout.d);
  const bool of_first = !layout.has_second();
  for (int k = 0; k < (of_first ? layout.K : static_cast<int>(layout.n_scatters())); ++k)
    for (int j = 0; j < layout.d; ++j)
      keys_.push_back(of_first ? layout.first() + std::int64_t{k} * layout.d + j
                               : layout.second() + layout.entry(k, j, j));
}

void Resolution::add(const std::vector<double>& block_sums, std::vector<double>& peaks) const {
  GMMPI_EXPECT(std::ssize(block_sums) == layout_.size() && peaks.size() == keys_.size());
  for (std::size_t e = 0; e < keys_.size(); ++e)
    peaks[e] = std::max(peaks[e], std::abs(block_sums[keys_[e]]));
}

/// What quanta must be small against, so that the digits of a key sum that matter are there.
double Resolution::needed(std::size_t key, const ExactArray& sums) const {
  const std::size_t d = layout_.d, scatter = key / d;
  double needed = std::abs(sums.value(keys_[key]));
  if (!layout_.has_second()) return needed;
  for (std::size_t j = 0; j < d && needs_.only_trace; ++j)
    needed = std::max(needed, sums.value(keys_[scatter * d + j]));
  if (needs_.negligible.empty() || layout_.is_pooled()) return needed;
  return std::max(needed, sums.value(scatter) * needs_.negligible[key % d]);
}

bool Resolution::refine(const Communicator& comm, const ExactArray& sums, std::vector<double> peaks,
                        double n_blocks, std::vector<double>& bounds) const {
  GMMPI_EXPECT(peaks.size() == keys_.size() && bounds.size() == sums.size());
  GMMPI_EXPECT(std::ssize(bounds) == layout_.size());
  std::vector<std::size_t> low;
  for (std::size_t e = 0; e < keys_.size(); ++e)
    if (bounds[keys_[e]] > 0.0 && needed(e, sums) < kEnoughQuanta * sums.quantum(keys_[e])) low.push_back(e);
  if (low.empty()) return false;
  std::vector<double> of_low;
  for (const std::size_t e : low) of_low.push_back(peaks[e]);
  comm.max(of_low);
  bool lowered = false;
  for (std::size_t i = 0; i < low.size(); ++i) {
    const double bound = kMargin * n_blocks * of_low[i];
    if (of_low[i] == 0.0 || !(bound < kWorthwhile * bounds[keys_[low[i]]])) continue;
    lower(low[i], bound, bounds);
    lowered = true;
  }
  return lowered;
}

/// |sum gamma x_i x_j| <= sqrt(sum gamma x_i^2) sqrt(sum gamma x_j^2), with 1 in the place of x_i as well.
void Resolution::lower(std::size_t key, double bound, std::vector<double>& bounds) const {
  const int d = layout_.d, j = static_cast<int>(key % d);
  double& own = bounds[keys_[key]];
  own = bound;
  if (!layout_.has_second()) return;
  const auto limit = [&](std::int64_t at, double other) {
    bounds[at] = std::min(bounds[at], kMargin * std::sqrt(other) * std::sqrt(bound));
  };
  const std::size_t scatter = key / d;
  for (int k = 0; k < layout_.K; ++k)
    if (layout_.is_pooled() || static_cast<std::size_t>(k) == scatter)
      limit(layout_.first() + std::int64_t{k} * d + j, bounds[k]);
  if (layout_.is_diagonal()) return;
  for (int i = 0; i < d; ++i)
    if (i != j)
      limit(layout_.second() + layout_.entry(static_cast<int>(scatter), std::min(i, j), std::max(i, j)),
            bounds[keys_[scatter * d + i]]);
}

}  // namespace gmmpi
