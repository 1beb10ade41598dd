// PatternPasses, GapWork: rows gathered by component, completed by regression on what is observed.
#include "em/gaps.hpp"

#include <algorithm>

#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

/// Tiles of an incomplete pattern that are worked on together: mostly it has no more rows in a block.
constexpr Index kTilesOfPattern = 2;

MomentLayout part_of(MomentLayout layout, std::size_t n_columns) {
  layout.d = static_cast<int>(n_columns);
  return layout;
}

std::int64_t bytes_of(const MomentLayout& layout, const Pattern& pattern) {
  const auto o = std::ssize(pattern.observed), m = std::ssize(pattern.missing);
  const std::int64_t n = layout.is_pooled() ? 1 : layout.K;
  return 8 * (n * (3 * o * o + m * o + m * m) + layout.K * (4 * o + 2 * m)) + 4096;
}

}  // namespace

std::int64_t pattern_bytes(const MomentLayout& layout, Index n_rows) {
  Pattern largest;  // the covariance of what is observed takes most
  largest.observed.resize(layout.d);
  const Index n_patterns = layout.d < 32 ? std::min(n_rows, Index{1} << layout.d) : n_rows;
  return std::min(KeptByPattern<PatternPass>::kMostBytes, n_patterns * bytes_of(layout, largest));
}

RegressionTask PatternPass::regression(int k) const {
  const std::size_t n_o = observed.size(), n_m = missing.size(), step = padded(static_cast<int>(n_m));
  const std::size_t size = n_o * step;
  return {static_cast<int>(n_o),
          static_cast<int>(n_m),
          observed.data(),
          missing.data(),
          centers.data() + k * n_o,
          shifts.data() + k * step,
          slopes.empty() ? nullptr : slopes.data() + (slopes.size() == size ? 0 : k * size)};
}

PatternPasses::PatternPasses(const Assignment& assignment, const MomentLayout& layout,
                             const std::vector<double>& centers, const double* padded_centers,
                             const DataSummary& summary)
    : assignment_(assignment),
      layout_(layout),
      centers_(centers),
      padded_centers_(padded_centers),
      summary_(summary) {
  GMMPI_EXPECT(summary.has_gaps());
}

std::shared_ptr<const PatternPass> PatternPasses::of(const Pattern& pattern) const {
  return kept_.of(
      pattern, [&] { return make(pattern); }, [&](const PatternPass&) { return bytes_of(layout_, pattern); });
}

std::shared_ptr<const PatternPass> PatternPasses::make(const Pattern& pattern) const {
  auto made = std::make_shared<PatternPass>();
  PatternPass& pass = *made;
  pass.rows = &assignment_;
  pass.observed = pattern.observed;
  pass.missing = pattern.missing;
  if (!pattern.is_complete()) {
    pass.partial = assignment_.given(pattern.observed, pattern.missing);
    pass.rows = pass.partial.observed.get();
  }
  for (int k = 0; k < layout_.K; ++k)
    for (const int j : pattern.observed) pass.centers.push_back(centers_[std::size_t(k) * layout_.d + j]);
  set_regression(pass);
  for (int i = 0; i + 1 < layout_.n_own; ++i)
    for (int k = 0; k < layout_.K; ++k)
      pass.own_of_missing.push_back(assignment_.own_of_missing(i, k, static_cast<int>(pass.observed.size())));
  return made;
}

/// Slopes, transposed and padded for the kernel, and what is expected at the centres.
void PatternPasses::set_regression(PatternPass& pass) const {
  const std::size_t n_o = pass.observed.size(), n_m = pass.missing.size(),
                    step = padded(static_cast<int>(n_m));
  pass.shifts.resize(layout_.K * step);
  if (!pass.partial.missing) return;
  const MissingColumns& missing = *pass.partial.missing;
  const std::size_t n = n_m > 0 ? missing.slopes.size() / (n_m * n_o) : 0;
  pass.slopes.resize(n * n_o * step);
  for (std::size_t e = 0; e < missing.slopes.size(); ++e) {
    const std::size_t k = e / (n_m * n_o), b = e / n_o % n_m, a = e % n_o;
    pass.slopes[(k * n_o + a) * step + b] = missing.slopes[e];
  }
  for (int k = 0; k < layout_.K; ++k)
    for (std::size_t b = 0; b < n_m; ++b) {
      double& shift = pass.shifts[k * step + b];
      shift = missing.means[k * n_m + b] - centers_[std::size_t(k) * layout_.d + pass.missing[b]];
      const double* slopes = missing.slopes.data() + (n == 1 ? 0 : k * n_m * n_o) + b * n_o;
      for (std::size_t a = 0; a < n_o && n > 0; ++a)
        shift += slopes[a] * (pass.centers[k * n_o + a] - missing.given_means[k * n_o + a]);
    }
}

GapWork::GapWork(const PatternPasses& passes, Index block_rows, const KernelTable& kernels, int n_values)
    : passes_(passes),
      block_rows_(block_rows),
      kernels_(kernels),
      n_values_(n_values),
      patterns_(passes.layout().d),
      tiles_(passes.layout().d + 1),
      sums_(passes.layout()),
      shares_(passes.layout().K * (block_rows + 1)),
      n_shares_(passes.layout().K),
      besides_(passes.layout().size()),
      differences_(std::size_t{kGathered} * padded(passes.layout().d)),
      gamma_(kGathered) {}

std::int64_t GapWork::bytes(const MomentLayout& layout, Index block_rows) {
  const std::int64_t d = layout.d;
  std::int64_t tiles =
      2 * TileShares::bytes(layout, block_rows);  // of complete rows, and of those one by one
  for (int n = 1; n < layout.d; ++n) tiles += TileShares::bytes(part_of(layout, n), kTilesOfPattern * kTile);
  const std::int64_t rows = (block_rows + 1) * (std::int64_t{sizeof(Share)} * layout.K + 8 * (2 * d + 4));
  return BlockSums::bytes(layout) + RowwiseSums::bytes(layout) + tiles + rows + 2 * 8 * layout.size() +
         8 * kGathered * (padded(layout.d) + 1);
}

const std::vector<double>& GapWork::sum(const Block& block, std::span<double> lanes,
                                        Profile::Seconds& seconds) {
  Stopwatch watch;
  sums_.clear();
  std::ranges::fill(besides_, 0.0);
  std::ranges::fill(n_shares_, 0);
  std::vector<std::shared_ptr<const PatternPass>> used;
  const bool takes_rows = passes_.assignment().rowwise() != nullptr;
  for (const PatternRows& group : patterns_.split(block, takes_rows ? kLeastTogether : 1)) {
    used.push_back(passes_.of(*group.pattern));
    add_group(group, *used.back(), lanes);
  }
  seconds[Profile::e_step] += watch.lap();
  if (patterns_.rare_rows().n_rows > 0) {
    add_rare_rows(lanes, seconds);
    watch.lap();
  }
  for (int k = 0; k < passes_.layout().K; ++k) add_completed(k);
  all_ = sums_.collect();
  for (std::size_t e = 0; e < all_.size(); ++e) all_[e] += besides_[e];
  seconds[Profile::accumulation] += watch.lap();
  return all_;
}

void GapWork::add_rare_rows(std::span<double> lanes, Profile::Seconds& seconds) {
  if (!rowwise_) rowwise_.emplace(passes_.layout(), block_rows_, kernels_, n_values_);
  const std::vector<double>& sums =
      rowwise_->sum(patterns_.rare_rows(), passes_.assignment(), passes_.padded_centers(), lanes, seconds);
  for (std::size_t e = 0; e < sums.size(); ++e) besides_[e] += sums[e];
}

void GapWork::add_group(const PatternRows& group, const PatternPass& pass, std::span<double> lanes) {
  const MomentLayout& layout = passes_.layout();
  const std::size_t K = layout.K;
  auto& tiles = tiles_[pass.observed.size()];
  if (!tiles)
    tiles = std::make_unique<TileShares>(part_of(layout, pass.observed.size()),
                                         pass.missing.empty() ? block_rows_ : kTilesOfPattern * kTile,
                                         kernels_, n_values_);
  AlignedDoubles counts(K * kRowLanes);
  for (int offset = 0; offset < group.rows.n_rows;) {
    const int first = offset;
    const std::span<const Tile> loaded = tiles->next(group.rows, offset, *pass.rows, lanes);
    sums_.add_counts(kernels_, loaded.size(), tiles->gamma(), tiles->own());
    for (std::size_t t = 0; t < loaded.size(); ++t) {
      const double* gamma = tiles->gamma() + t * K * kTile;
      const double* rows = layout.n_own > 0 ? tiles->own() + t * layout.n_own * K * kTile : gamma;
      for (std::size_t k = 0; k < K && !pass.missing.empty(); ++k)
        kernels_.sum_rows(rows + k * kTile, counts.data() + k * kRowLanes);
      add_shares(group, pass, first + static_cast<int>(t) * kTile, loaded[t].n_rows(), gamma);
    }
  }
  if (pass.missing.empty()) return;
  std::vector<double> count(K);
  for (std::size_t k = 0; k < K; ++k) count[k] = fold_lanes(counts.data() + k * kRowLanes);
  add_covariances(pass, count);
}

/// Notes the rows of a tile that have a share.
void GapWork::add_shares(const PatternRows& group, const PatternPass& pass, int first_row, int n_rows,
                         const double* gamma) {
  const double* x = std::get<const double*>(group.rows.rows) + Index{first_row} * std::ssize(pass.observed);
  for (std::size_t k = 0; k < n_shares_.size(); ++k, gamma += kTile) {
    Share* to = shares_of(k) + n_shares_[k];
    const Share* begin = to;
    for (int r = 0; r < n_rows; ++r) {  // no branch, which none could foretell
      *to = {&pass, x + Index{r} * std::ssize(pass.observed), gamma[r]};
      to += gamma[r] != 0.0;
    }
    n_shares_[k] += to - begin;
  }
}

/// N_k Cov[x_m | x_o, k], and what gaps add to own sums.
void GapWork::add_covariances(const PatternPass& pass, std::span<const double> counts) {
  const MomentLayout& layout = passes_.layout();
  const std::size_t n_m = pass.missing.size();
  const std::vector<double>* covariances =
      pass.partial.missing ? &pass.partial.missing->covariances : nullptr;
  for (int k = 0; k < layout.K; ++k) {
    for (int i = 0; i + 1 < layout.n_own; ++i)
      besides_[layout.own() + std::int64_t{i + 1} * layout.K + k] +=
          counts[k] * pass.own_of_missing[std::size_t(i) * layout.K + k];
    if (!layout.has_second() || counts[k] == 0.0 || (covariances && covariances->empty())) continue;
    double* second = besides_.data() + layout.second();
    if (!covariances) {
      for (const int j : pass.missing) second[layout.entry(k, j, j)] += counts[k] * passes_.variances()[j];
      continue;
    }
    const double* covariance = covariances->data() + (covariances->size() == n_m * n_m ? 0 : k * n_m * n_m);
    for (std::size_t b = 0; b < n_m; ++b)
      for (std::size_t c = b; c < (layout.is_diagonal() ? b + 1 : n_m); ++c)
        second[layout.entry(k, pass.missing[b], pass.missing[c])] += counts[k] * covariance[b * n_m + c];
  }
}

/// The completed rows of component k. Those of one pattern come one after the other.
void GapWork::add_completed(int k) {
  const int stride = padded(passes_.layout().d);
  const std::span<const Share> shares(shares_of(k), n_shares_[k]);
  const double* x[kGathered];
  for (std::size_t first = 0; first < shares.size(); first += kGathered) {
    const int n = static_cast<int>(std::min<std::size_t>(kGathered, shares.size() - first));
    for (int begin = 0, end = 0; begin < n; begin = end) {
      const PatternPass& pass = *shares[first + begin].pass;
      for (end = begin; end < n && shares[first + end].pass == &pass; ++end) {
        x[end] = shares[first + end].x;
        gamma_[end] = shares[first + end].gamma;
      }
      kernels_.regress_rows(pass.regression(k), end - begin, x + begin, stride,
                            differences_.data() + std::int64_t{begin} * stride);
    }
    sums_.add_differences(kernels_, k, n, differences_.data(), gamma_.data());
  }
}

}  // namespace gmmpi
