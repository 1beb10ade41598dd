// PatternPasses, GapWork: marginal moments of each pattern, completed by what is expected.
#include "em/gaps.hpp"

#include <algorithm>

#include "em/completion.hpp"
#include "gmmpi/expect.hpp"

namespace gmmpi {

namespace {

constexpr std::int64_t kKeptBytes = std::int64_t{48} << 20;

std::int64_t bytes_of(const MomentLayout& layout, const Pattern& pattern) {
  const auto o = std::ssize(pattern.observed), m = std::ssize(pattern.missing);
  const std::int64_t n = layout.is_pooled() ? 1 : layout.K;
  return 8 * (n * (3 * o * o + m * o + m * m) + layout.K * (4 * o + 2 * m)) + 4096;
}

}  // namespace

const double* PatternPass::slopes(int k, std::size_t n_missing, std::size_t n_observed) const {
  if (!partial.missing || partial.missing->slopes.empty()) return nullptr;
  const std::size_t size = n_missing * n_observed;
  return partial.missing->slopes.data() + (partial.missing->slopes.size() == size ? 0 : k * size);
}

PatternPasses::PatternPasses(const Assignment& assignment, const MomentLayout& layout,
                             const std::vector<double>& centers, const DataSummary& summary)
    : assignment_(assignment), layout_(layout), centers_(centers), summary_(summary) {
  GMMPI_EXPECT(summary.has_gaps());
}

std::shared_ptr<const PatternPass> PatternPasses::of(const Pattern& pattern) const {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = known_.find(pattern.key); known != known_.end()) return known->second;
  }
  std::shared_ptr<const PatternPass> made = make(pattern);
  const std::int64_t bytes = bytes_of(layout_, pattern);
  const std::scoped_lock lock(mutex_);
  if (bytes_ + bytes <= kKeptBytes && known_.try_emplace(pattern.key, made).second) bytes_ += bytes;
  return made;
}

std::shared_ptr<const PatternPass> PatternPasses::make(const Pattern& pattern) const {
  auto pass = std::make_shared<PatternPass>();
  pass->rows = &assignment_;
  if (!pattern.is_complete()) {
    pass->partial = assignment_.given(pattern.observed, pattern.missing);
    pass->rows = pass->partial.observed.get();
  }
  const std::size_t d = layout_.d, n_o = pattern.observed.size(), stride = padded(static_cast<int>(n_o));
  pass->centers.resize(layout_.K * stride);
  for (int k = 0; k < layout_.K; ++k)
    for (std::size_t a = 0; a < n_o; ++a)
      pass->centers[k * stride + a] = centers_[k * d + pattern.observed[a]];
  add_shifts(pattern, *pass);
  for (int i = 0; i + 1 < layout_.n_own; ++i)
    for (int k = 0; k < layout_.K; ++k)
      pass->own_of_missing.push_back(assignment_.own_of_missing(i, k, static_cast<int>(n_o)));
  return pass;
}

/// mu_m + B (c_o - mu_o) - c_m.
void PatternPasses::add_shifts(const Pattern& pattern, PatternPass& pass) const {
  const std::size_t d = layout_.d, n_o = pattern.observed.size(), n_m = pattern.missing.size();
  pass.shifts.resize(layout_.K * n_m);
  if (!pass.partial.missing) return;
  const MissingColumns& missing = *pass.partial.missing;
  for (int k = 0; k < layout_.K; ++k)
    for (std::size_t b = 0; b < n_m; ++b) {
      double& shift = pass.shifts[k * n_m + b];
      shift = missing.means[k * n_m + b] - centers_[k * d + pattern.missing[b]];
      const double* slopes = pass.slopes(k, n_m, n_o);
      for (std::size_t a = 0; a < n_o && slopes; ++a)
        shift +=
            slopes[b * n_o + a] * (centers_[k * d + pattern.observed[a]] - missing.given_means[k * n_o + a]);
    }
}

void PatternPasses::complete(const Pattern& pattern, const PatternPass& pass,
                             const std::vector<double>& of_observed, std::vector<double>& sums) const {
  Completion completion(layout_, pattern);
  const MomentLayout& part = completion.part();
  const std::size_t n_o = pattern.observed.size(), n_m = pattern.missing.size();
  const std::vector<double> variances =
      pass.partial.missing ? std::vector<double>() : values_of(summary_.gaps.variance, pattern.missing);
  const double* counts = of_observed.data() + (part.n_own > 0 ? part.own() : 0);
  for (int k = 0; k < part.K; ++k) {
    const double W = of_observed[k];
    sums[k] += W;
    const double* slopes = pass.slopes(k, n_m, n_o);
    completion.add_first(W, pass.shifts.data() + k * n_m, slopes,
                         of_observed.data() + part.first() + k * std::ssize(pattern.observed),
                         sums.data() + layout_.first() + std::int64_t{k} * layout_.d);
    if (!pass.partial.missing) {
      completion.add_covariance(counts[k], variances.data(), true);
    } else if (const std::vector<double>& c = pass.partial.missing->covariances; !c.empty()) {
      completion.add_covariance(counts[k], c.data() + (c.size() == n_m * n_m ? 0 : k * n_m * n_m), false);
    }
    if (part.is_pooled() && k + 1 < part.K) continue;
    completion.finish(k, slopes, of_observed.data() + part.second() + part.entry(k, 0, 0),
                      sums.data() + layout_.second());
  }
  for (int i = 0; i < part.n_own; ++i)
    for (int k = 0; k < part.K; ++k) {
      double& sum = sums[layout_.own() + std::int64_t{i} * layout_.K + k];
      sum += of_observed[part.own() + std::int64_t{i} * part.K + k];
      if (i > 0 && n_m > 0) sum += counts[k] * pass.own_of_missing[std::size_t(i - 1) * part.K + k];
    }
}

GapWork::GapWork(const PatternPasses& passes, Index block_rows, const KernelTable& kernels, int n_values)
    : passes_(passes),
      block_rows_(block_rows),
      kernels_(kernels),
      n_values_(n_values),
      patterns_(passes.layout().d),
      work_(passes.layout().d + 1),
      sums_(passes.layout().size()) {}

const std::vector<double>& GapWork::sum(const Block& block, std::span<double> lanes,
                                        Profile::Seconds& seconds) {
  std::ranges::fill(sums_, 0.0);
  for (const PatternRows& group : patterns_.split(block)) {
    const std::shared_ptr<const PatternPass> pass = passes_.of(*group.pattern);
    auto& work = work_[group.pattern->observed.size()];
    if (!work) {
      MomentLayout part = passes_.layout();
      part.d = static_cast<int>(group.pattern->observed.size());
      work = std::make_unique<BlockWork>(part, block_rows_, kernels_, n_values_);
    }
    const std::vector<double>& of_observed =
        work->sum(group.rows, *pass->rows, pass->centers.data(), lanes, seconds);
    Stopwatch watch;
    passes_.complete(*group.pattern, *pass, of_observed, sums_);
    seconds[Profile::accumulation] += watch.lap();
  }
  return sums_;
}

}  // namespace gmmpi
