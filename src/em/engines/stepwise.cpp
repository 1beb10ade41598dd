// Robbins-Monro averages of the moments, mini-batch by mini-batch.
#include "em/engines/stepwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/batch_data.hpp"
#include "data/random.hpp"
#include "em/assignments.hpp"
#include "em/collapse.hpp"
#include "gmmpi/error.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

namespace {

constexpr double kStepOffset = 2.0;  ///< so that the first mini-batch does not replace the start
constexpr double kExponent = 0.7, kLongestStep = 0.5;
constexpr double kRowsPerParameter = 6.0;  ///< among those that the long steps look back on

/// The change of the running log-likelihood per row in the last pass; NaN before there are two.
double last_change(const Problem& p, const FitState& state) {
  const std::vector<double>& running = state.traces.running_log_likelihood;
  if (running.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return (running.back() - running[running.size() - 2]) / p.data.summary().total_weight;
}

/// Of the pass that is being done: whether it is the one that averages, because none is left or nothing
/// changes any more. Only without an exponent.
bool is_averaging(const Problem& p, const FitState& state) {
  return !p.options.step_exponent &&
         (state.n_iter + 1 >= p.options.max_iter || std::abs(last_change(p, state)) < p.options.tol);
}

/// (t + 2)^-a by the kernels' logarithm, the same on every processor.
double power_step(const Problem& p, std::int64_t t, double exponent) {
  const double base = static_cast<double>(t) + kStepOffset;
  double power = 0.0;
  p.execution.kernels->log(1, &base, &power);
  power *= -exponent;
  double step = 0.0;
  p.execution.kernels->exp(1, &power, &step);
  return step;
}

/// Averages with step c look back on (2 - c)/c mini-batches: these must hold enough rows for the parameters,
/// but the start must be forgotten.
double long_step(const Problem& p, const FitState& state, int n_batches, std::int64_t t) {
  const double rows = static_cast<double>(p.data.summary().n_rows) / n_batches;
  const double wanted = kRowsPerParameter * static_cast<double>(state.model.n_parameters());
  return std::max(std::min(kLongestStep, 2.0 / (1.0 + wanted / rows)), power_step(p, t, kExponent));
}

/// For the next mini-batch; state counts those before it.
double step_size(const Problem& p, const FitState& state, int n_batches) {
  const std::int64_t t = state.n_batches_done + 1, before = std::int64_t{n_batches} * state.n_iter;
  if (p.options.step_exponent) return power_step(p, t, *p.options.step_exponent);
  if (!is_averaging(p, state)) return long_step(p, state, n_batches, t);
  return 1.0 / (static_cast<double>(t - before) + 1.0 / long_step(p, state, n_batches, before));
}

/// (1 - step) running + step batch / its weight, about the same centres.
Moments average(Moments running, double step, const Moments& batch, double weight) {
  for (std::size_t e = 0; e < running.sums.size(); ++e)
    running.sums[e] += step * (batch.sums[e] / weight - running.sums[e]);
  return running;
}

/// Reseeds collapsed components, or fails, as EM does.
void treat(const Problem& p, FitState& state, MStep& step) {
  const int iteration = state.n_iter + 1;
  if (p.options.fail_on_collapse)
    throw Error(ExitCode::numerical,
                "component " + std::to_string(step.collapsed.front()) + " collapsed in pass " +
                    std::to_string(iteration) +
                    ": use fewer components, fewer batches, a larger --reg-covar, or --on-collapse reseed");
  for (const Reseed& reseed :
       treat_collapse(p.execution, p.data, p.moments, p.regularisation, state.model, state.restart, iteration,
                      std::numeric_limits<std::int64_t>::max(), step)) {
    p.observer.reseeded(reseed);
    state.reseeds.push_back(reseed);
  }
}

/// One mini-batch: its moments into the running ones, and their M-step. Returns its log-likelihood under the
/// parameters that it met.
double take_batch(const Problem& p, FitState& state, int batch, int n_batches) {
  const double step_length = step_size(p, state, n_batches);
  ++state.n_batches_done;
  const BatchData data(p.data, {n_batches, batch});
  const Posterior posterior(state.model, *p.execution.kernels,
                            p.options.skip ? kLeastLogShare : kEveryLogShare);
  Moments running = moments_of(state.model);  // of the shape; the sums are the state's
  if (!state.running_sums.empty()) running.sums = state.running_sums;
  double log_likelihood = 0.0, weight = 0.0;
  Moments averaged;
  const auto sum_about = [&](const std::vector<double>& centers) {
    const Moments seen = sweep(p.execution, data, posterior, centers, running.layout.shape,
                               MomentNeeds::of(*p.options.structure, p.regularisation.hides()));
    log_likelihood = seen.objective;
    weight = std::accumulate(seen.counts(), seen.counts() + seen.layout.K, 0.0);
    averaged = recentred(running, centers);
    if (weight > 0.0) averaged = average(std::move(averaged), step_length, seen, weight);
    return averaged;
  };
  const Moments first = sum_about(state.model.means);
  if (weight == 0.0) return 0.0;
  bool repeated = false;
  MStep step = m_step_guarded(p.execution, first, p.options.kind(), p.regularisation, sum_about, repeated);
  if (repeated) {
    ++state.n_recentred;
    p.observer.recentred(state.restart, state.n_iter + 1);
  }
  if (step.collapsed.empty()) {
    state.running_sums = recentred(std::move(averaged), step.model.means).sums;
  } else {
    treat(p, state, step);
    state.running_sums = moments_of(step.model).sums;
  }
  state.model = std::move(step.model);
  return log_likelihood;
}

/// At the end of a pass, which was the one that averages, or not: true if the restart ends with it.
bool stop(const Problem& p, FitState& state, bool averaged) {
  const std::vector<double>& running = state.traces.running_log_likelihood;
  if (!std::isfinite(running.back()))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite in pass " +
                                         std::to_string(state.n_iter) +
                                         ": rescale the data or give --reg-covar a positive value");
  FitObserver::Iteration seen{state.restart, state.n_iter, FitObserver::Iteration::none,
                              last_change(p, state), state.seconds.back()};
  seen.running_log_likelihood = running.back();
  p.observer.iteration(seen);
  const bool settled = std::abs(seen.change) < p.options.tol;
  state.converged = settled || (averaged && state.converged);  // what it averages over had settled
  return averaged || (settled && p.options.step_exponent) ||
         std::ssize(state.reseeds) >= kMostReseeds * p.options.n_components;
}

}  // namespace

std::vector<int> batch_order(std::uint64_t seed, int pass, int n) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i)  // Fisher & Yates
    std::swap(order[i], order[static_cast<int>(uniform(seed, Purpose::batches, pass, i) * (i + 1))]);
  return order;
}

Moments moments_of(const Mixture& model) {
  const int K = model.n_components, d = model.n_features;
  const MomentLayout layout{K, d, model.structure->scatter_shape()};
  Moments m{layout, model.means, 0.0, std::vector<double>(layout.size()), {}};
  std::copy(model.weights.begin(), model.weights.end(), m.sums.begin());
  if (layout.shape == ScatterShape::none) return m;
  double* entry = m.sums.data() + layout.second();
  for (int k = 0; k < K; ++k) {
    const std::vector<double> covariance = full_covariance(model, k);
    if (layout.shape == ScatterShape::pooled) entry = m.sums.data() + layout.second();
    for (int i = 0; i < d; ++i)
      for (int j = i; j < (layout.shape == ScatterShape::diagonal ? i + 1 : d); ++j)
        *entry++ += model.weights[k] * covariance[std::size_t(i) * d + j];
  }
  return m;
}

Moments recentred(Moments m, const std::vector<double>& centers) {
  const int K = m.layout.K, d = m.layout.d;
  double* second = m.sums.data() + m.layout.second();
  double* entry = second;
  std::vector<double> shift(d);
  for (int k = 0; k < K; ++k) {
    double* first = m.sums.data() + m.layout.first() + std::ptrdiff_t{k} * d;
    for (int j = 0; j < d; ++j)
      shift[j] = centers[std::size_t(k) * d + j] - m.centers[std::size_t(k) * d + j];
    if (m.layout.shape == ScatterShape::pooled) entry = second;
    const bool diagonal = m.layout.shape == ScatterShape::diagonal;
    for (int i = 0; i < d && m.layout.shape != ScatterShape::none; ++i)
      for (int j = i; j < (diagonal ? i + 1 : d); ++j)
        *entry++ += m.sums[k] * shift[i] * shift[j] - first[i] * shift[j] - shift[i] * first[j];
    for (int j = 0; j < d; ++j) first[j] -= m.sums[k] * shift[j];
  }
  m.centers = centers;
  return m;
}

void run_stepwise(const Problem& p, FitState& state) {
  const int n = static_cast<int>(std::min<Index>(p.options.n_batches, p.data.grid().n_blocks()));
  const std::uint64_t seed = p.options.seed + state.restart;
  Stopwatch watch;
  for (bool ended = false; !ended && state.n_iter < p.options.max_iter;) {
    const std::vector<int> order = batch_order(seed, state.n_iter, n);
    const bool averages = is_averaging(p, state);
    for (std::int64_t i = state.n_batches_done - std::int64_t{n} * state.n_iter; i < n; ++i) {
      p.observer.safe_point(state);
      state.pass_log_likelihood += take_batch(p, state, order[i], n);
    }
    state.n_sweeps++;
    state.traces.running_log_likelihood.push_back(state.pass_log_likelihood);
    state.pass_log_likelihood = 0.0;
    state.seconds.push_back(watch.lap());
    ++state.n_iter;
    ended = stop(p, state, averages);
  }
  const Posterior posterior(state.model, *p.execution.kernels);
  state.history = {sweep(p.execution, p.data, posterior, state.model.means).objective};
}

}  // namespace gmmpi
