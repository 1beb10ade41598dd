// The sweep: blocks to threads, tiles to kernels, block sums to exact sums, exact sums to one allreduce.
#include "em/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <numeric>
#include <string>

#include "em/block_work.hpp"
#include "em/gaps.hpp"
#include "em/resolution.hpp"
#include "em/rowwise_work.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/expect.hpp"
#include "parallel/exact_message.hpp"

namespace gmmpi {

namespace {

constexpr double kMostMoment = 1e300;

/// Error 79: sums of squares of `reach`, how far the rows are from component k, overflow.
[[noreturn]] void moments_overflow(int k, double reach, const DataSummary& summary) {
  if (static_cast<double>(summary.n_rows) * reach * reach < kMostMoment)
    throw Error(
        ExitCode::numerical,
        fmt::format("the sample weights sum to {:.3g}, so that sums of weighted squares overflow: multiply "
                    "all weights by one number, or give `relative_weights`",
                    summary.total_weight));
  throw Error(
      ExitCode::numerical,
      fmt::format("the mean of component {} lies so far from the data that squared distances overflow: "
                  "choose another start, or larger units",
                  k));
}

/// (K x d): how far the rows lie from each centre, at the most, and what stands in their gaps.
std::vector<double> reaches_of(const DataSummary& summary, const std::vector<double>& centers,
                               const Assignment& assignment) {
  std::vector<double> reach;
  const std::size_t d = summary.minimum.size();
  for (std::size_t e = 0; e < centers.size(); ++e)
    reach.push_back(std::max(std::abs(summary.maximum[e % d] - centers[e]),
                             std::abs(summary.minimum[e % d] - centers[e])));
  if (summary.has_gaps() || assignment.heeds_errors(summary)) assignment.raise_reach(summary, centers, reach);
  for (double& r : reach) r *= 1.0001;
  return reach;
}

/// Bounds of the absolute sums, from the columns' ranges (and `own`) alone: the same on every rank.
std::vector<double> moment_bounds(const MomentLayout& layout, const DataSummary& summary,
                                  const std::vector<double>& centers, const Assignment& assignment) {
  const std::optional<OwnSums> own = assignment.own_sums();
  const std::vector<double> reaches = reaches_of(summary, centers, assignment);
  const double rows = summary.total_weight * 1.0001, weight = own ? rows * own->largest_weight : rows;
  std::vector<double> bounds(layout.size());
  double* first = bounds.data() + layout.first();
  double* second = bounds.data() + layout.second();
  for (int k = 0; k < layout.K; ++k) {
    bounds[k] = weight;
    const std::span reach = std::span(reaches).subspan(std::size_t(k) * layout.d, layout.d);
    for (const double r : reach) *first++ = weight * r;
    layout.for_each_entry(k, [&](int i, int l, std::int64_t place) {
      second[place] = std::max(second[place], weight * reach[i] * reach[l]);
    });
    for (const double r : reach)
      if (!(weight * r * r < kMostMoment)) moments_overflow(k, r, summary);
  }
  double* entry = bounds.data() + layout.own();
  for (int i = 0; i < layout.n_own; ++i, entry += layout.K)  // the first is the rows themselves
    std::fill_n(entry, layout.K, i == 0 ? rows : rows * own->bounds[i - 1]);
  return bounds;
}

/// Rows of d values, each padded with zeros.
AlignedDoubles pad_rows(const std::vector<double>& values, int d) {
  const std::size_t n = values.size() / d, stride = padded(d);
  AlignedDoubles out(n * stride);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(values.data() + i * d, d, out.data() + i * stride);
  return out;
}

/// One thread's part of a sweep.
struct Worker {
  std::optional<BlockWork> work;
  std::optional<GapWork> gaps;         ///< in its place where rows lack values
  std::optional<RowwiseWork> rowwise;  ///< in their place where rows were measured with errors
  const Resolution& resolution;
  std::vector<double> peaks;
  ExactArray moments;
  std::vector<ExactScalar> totals;  ///< of the values
  Profile::Seconds seconds{};

  Worker(const MomentLayout& layout, Index block_rows, const KernelTable& kernels, int n_values,
         const PatternPasses* patterns, bool heeds_errors, const Resolution& keys, const ExactArray& empty)
      : resolution(keys), peaks(keys.n_keys()), moments(empty), totals(n_values) {
    if (heeds_errors)
      rowwise.emplace(layout, block_rows, kernels, n_values);
    else if (patterns)
      gaps.emplace(*patterns, block_rows, kernels, n_values);
    else
      work.emplace(layout, block_rows, kernels, n_values);
  }

  void add(const Block& block, const Assignment& assignment, const double* centers) {
    AlignedDoubles lanes(totals.size() * kRowLanes);
    const std::vector<double>& of_block = rowwise ? rowwise->sum(block, assignment, centers, lanes, seconds)
                                          : gaps  ? gaps->sum(block, lanes, seconds)
                                                  : work->sum(block, assignment, centers, lanes, seconds);
    Stopwatch watch;
    moments.add(of_block);
    resolution.add(of_block, peaks);
    for (std::size_t i = 0; i < lanes.size(); ++i) totals[i / kRowLanes].add(lanes[i]);
    seconds[Profile::exact_sums] += watch.lap();
  }
};

/// What a pass over all rows leaves.
struct Pass {
  Moments moments;
  ExactArray sums;            ///< the moments before they are rounded
  std::vector<double> peaks;  ///< of this rank
};

/// Collective.
Pass run_pass(const Execution& execution, const Data& data, const Assignment& assignment,
              const std::vector<double>& centers, const MomentLayout& layout, const Resolution& resolution,
              const std::vector<double>& bounds) {
  const ExactArray empty(bounds);
  ExactArray moments = empty;
  std::vector<double> peaks(resolution.n_keys());
  std::vector<ExactScalar> totals(assignment.n_values());
  Stopwatch watch;
  const AlignedDoubles padded_centers = pad_rows(centers, layout.d);
  std::optional<PatternPasses> patterns;
  const bool heeds_errors = assignment.heeds_errors(data.summary());
  if (data.summary().has_gaps() && !heeds_errors)
    patterns.emplace(assignment, layout, centers, padded_centers.data(), data.summary());
  std::vector<std::unique_ptr<Worker>> workers(execution.n_threads);
  const std::exception_ptr failure = failure_of_blocks(execution, data, [&](const Block& block, int thread) {
    auto& worker = workers[thread];
    if (!worker)
      worker = std::make_unique<Worker>(layout, data.grid().block_rows(), *execution.kernels,
                                        assignment.n_values(), patterns ? &*patterns : nullptr, heeds_errors,
                                        resolution, empty);
    worker->add(block, assignment, padded_centers.data());
  });
  for (const auto& worker : workers) {
    if (!worker) continue;
    moments.add(worker->moments);
    for (std::size_t e = 0; e < peaks.size(); ++e) peaks[e] = std::max(peaks[e], worker->peaks[e]);
    for (std::size_t i = 0; i < totals.size(); ++i) totals[i].add(worker->totals[i]);
  }
  Profile::Seconds seconds{};
  for (const auto& worker : workers)
    for (std::size_t phase = 0; worker && phase < seconds.size(); ++phase)
      seconds[phase] += worker->seconds[phase] / execution.n_threads;
  seconds[Profile::idle] = watch.lap() - std::accumulate(seconds.begin(), seconds.end(), 0.0);

  ExactMessage message;  // everything of this iteration
  for (ExactScalar& total : totals) message.add(total);
  message.add(moments).sum(execution.comm, failure);
  std::vector<double> values;
  for (const ExactScalar& total : totals) values.push_back(total.value());
  seconds[Profile::reduction] = watch.lap();
  for (std::size_t phase = 0; execution.profile && phase < seconds.size(); ++phase)
    execution.profile->add(static_cast<Profile::Phase>(phase), seconds[phase]);

  Moments result{layout, centers, values[0], std::vector<double>(moments.size()), values};
  result.total_weight = data.summary().total_weight;
  if (assignment.has_entropy()) {
    result.map_entropy = values.back();
    result.values.pop_back();
  }
  for (std::size_t i = 0; i < moments.size(); ++i) result.sums[i] = moments.value(i);
  return {std::move(result), std::move(moments), std::move(peaks)};
}

}  // namespace

Moments sweep(const Execution& execution, const Data& data, const Assignment& assignment,
              std::vector<double> centers, ScatterShape shape, MomentNeeds needs) {
  const std::optional<OwnSums> own = assignment.own_sums();
  const MomentLayout layout{assignment.n_components(), data.n_columns(), shape,
                            own ? 1 + static_cast<int>(own->bounds.size()) : 0};
  GMMPI_EXPECT(layout.K >= 1 && assignment.n_values() >= 1);
  GMMPI_EXPECT(std::ssize(centers) == std::int64_t{layout.K} * layout.d);
  GMMPI_EXPECT(std::ssize(data.summary().minimum) == layout.d &&
               std::ssize(data.summary().maximum) == layout.d);
  const Resolution resolution(layout, needs);
  std::vector<double> bounds = moment_bounds(layout, data.summary(), centers, assignment);
  Pass pass = run_pass(execution, data, assignment, centers, layout, resolution, bounds);
  const auto n_blocks = static_cast<double>(data.grid().n_blocks());
  if (resolution.refine(execution.comm, pass.sums, pass.peaks, n_blocks, bounds))
    pass = run_pass(execution, data, assignment, centers, layout, resolution, bounds);
  return std::move(pass.moments);
}

std::exception_ptr failure_of_blocks(const Execution& execution, const Data& data,
                                     const std::function<void(const Block&, int)>& work) {
  try {
    data.for_each_block(execution, work);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

std::int64_t sweep_bytes_per_thread(const MomentLayout& layout, Index block_rows, bool rowwise) {
  const std::int64_t work =
      rowwise ? GapWork::bytes(layout, block_rows) : BlockWork::bytes(layout, block_rows);
  return work + (3 + 1) * 8 * layout.size();
}

void Assignment::raise_reach(const DataSummary& summary, std::span<const double>,
                             std::span<double> reach) const {
  const std::vector<double>& variance = summary.gaps.variance;
  for (std::size_t e = 0; e < reach.size(); ++e) reach[e] += std::sqrt(variance[e % variance.size()]);
}

}  // namespace gmmpi
