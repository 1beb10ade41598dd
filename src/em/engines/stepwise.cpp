// stepwise: Robbins-Monro averages of the moments, mini-batch by mini-batch.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/batch_data.hpp"
#include "em/assignments.hpp"
#include "em/batches.hpp"
#include "em/collapse.hpp"
#include "em/engines/engines.hpp"
#include "em/progress.hpp"
#include "em/running_moments.hpp"
#include "gmmpi/em/engine_options.hpp"
#include "kernels/table.hpp"

namespace gmmpi {

namespace {

/// Of each pass: total log-likelihood, of each row under the parameters that it met.
constexpr std::string_view kRunning = "running_log_likelihood";
constexpr double kStepOffset = 2.0;  ///< so that the first mini-batch does not replace the start
constexpr double kExponent = 0.7, kLongestStep = 0.5;
constexpr double kRowsPerParameter = 6.0;  ///< among those that the long steps look back on

struct StepwiseState {
  std::vector<double> running_sums;  ///< moments about the means of the model; empty: its own
  std::int64_t n_batches_done = 0;
  double pass_log_likelihood = 0.0;  ///< of the mini-batches of the present pass

  std::vector<StateField> fields() {
    return {{"state", "running_sums", &running_sums},
            {"state", "n_batches_done", &n_batches_done},
            {"state", "pass_log_likelihood", &pass_log_likelihood}};
  }
};

/// The change of the running log-likelihood per row in the last pass; NaN before there are two.
double last_change(const Problem& p, const FitState& state) {
  const std::vector<double>& running = state.traces[kRunning];
  if (running.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return (running.back() - running[running.size() - 2]) / p.data.summary().total_weight;
}

/// Of the pass that is being done: whether it is the one that averages, because none is left or nothing
/// changes any more. Only without an exponent.
bool is_averaging(const Problem& p, const StepwiseOptions& own, const FitState& state) {
  return !own.step_exponent &&
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

/// For the next mini-batch.
double step_size(const Problem& p, const StepwiseOptions& own, const FitState& state,
                 std::int64_t n_batches_done, int n_batches) {
  const std::int64_t t = n_batches_done + 1, before = std::int64_t{n_batches} * state.n_iter;
  if (own.step_exponent) return power_step(p, t, *own.step_exponent);
  if (!is_averaging(p, own, state)) return long_step(p, state, n_batches, t);
  return 1.0 / (static_cast<double>(t - before) + 1.0 / long_step(p, state, n_batches, before));
}

/// Reseeds collapsed components, or fails, as EM does.
void treat(const Problem& p, FitState& state, MStep& step) {
  const int iteration = state.n_iter + 1;
  if (p.options.fail_on_collapse)
    throw Error(ExitCode::numerical,
                "component " + std::to_string(step.collapsed.front()) + " collapsed in pass " +
                    std::to_string(iteration) +
                    ": use fewer components, fewer batches, a larger `reg_covar`, or `on_collapse` reseed");
  note_reseeds(p, state,
               treat_collapse(p.execution, p.data, p.moments, p.regularisation, state.model, state.restart,
                              iteration, std::numeric_limits<std::int64_t>::max(), step));
}

/// Its weight, its log-likelihood under the parameters that it met, and the running moments with it.
struct Batch {
  double weight = 0.0, log_likelihood = 0.0;
  Moments averaged;
};

/// Collective. With the M-step's step in which these moments were summed about its own means, if need be.
MStep step_with_batch(const Problem& p, const Data& rows, const Moments& running, double step_length,
                      FitState& state, Batch& batch) {
  const Posterior posterior(state.model, *p.execution.kernels,
                            p.options.skip ? kLeastLogShare : kEveryLogShare);
  const auto sum_about = [&](const std::vector<double>& centers) {
    const Moments seen = sweep(p.execution, rows, posterior, centers, running.layout.shape,
                               MomentNeeds::of(*p.options.structure, p.regularisation.hides()));
    batch.log_likelihood = seen.objective;
    batch.weight = std::accumulate(seen.counts(), seen.counts() + seen.layout.K, 0.0);
    batch.averaged = recentred(running, centers);
    if (batch.weight > 0.0)
      batch.averaged = average(std::move(batch.averaged), step_length, seen, batch.weight);
    return batch.averaged;
  };
  const Moments first = sum_about(state.model.means);
  if (batch.weight == 0.0) return {};
  bool repeated = false;
  MStep step = m_step_guarded(p.execution, first, p.options.kind(), p.regularisation, sum_about, repeated);
  if (repeated) {
    ++state.n_recentred;
    p.observer.recentred(state.restart, state.n_iter + 1);
  }
  return step;
}

/// One mini-batch: its moments into the running ones, and their M-step. Returns its log-likelihood under the
/// parameters that it met.
double take_batch(const Problem& p, const StepwiseOptions& own, FitState& state, int number, int n_batches) {
  auto& so_far = state.engine.as<StepwiseState>();
  const double step_length = step_size(p, own, state, so_far.n_batches_done, n_batches);
  ++so_far.n_batches_done;
  Moments running = moments_of(state.model);  // of the shape; the sums are the state's
  if (!so_far.running_sums.empty()) running.sums = so_far.running_sums;
  Batch batch;
  MStep step = step_with_batch(p, BatchData(p.data, {n_batches, number}), running, step_length, state, batch);
  if (batch.weight == 0.0) return 0.0;
  if (step.collapsed.empty()) {
    so_far.running_sums = recentred(std::move(batch.averaged), step.model.means).sums;
  } else {
    treat(p, state, step);
    so_far.running_sums = moments_of(step.model).sums;
  }
  state.model = std::move(step.model);
  return batch.log_likelihood;
}

/// At the end of a pass, which was the one that averages, or not: true if the restart ends with it.
bool stop(const Problem& p, const StepwiseOptions& own, FitState& state, bool averaged) {
  const double running = state.traces[kRunning].back(), change = last_change(p, state);
  if (!std::isfinite(running))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite in pass " +
                                         std::to_string(state.n_iter) +
                                         ": rescale the data or give `reg_covar` a positive value");
  tell_iteration(p, state, std::numeric_limits<double>::quiet_NaN(), change);
  const bool settled = std::abs(change) < p.options.tol;
  state.converged = settled || (averaged && state.converged);  // what it averages over had settled
  return averaged || (settled && own.step_exponent) || n_reseeds_left(p, state) <= 0;
}

/// Online EM (Cappe & Moulines 2009): passes over the mini-batches, until the running log-likelihood of a
/// pass changes by less than tol per row, or max_iter passes. The moments per unit of weight are averaged
/// with long steps and, in a last pass, ever shorter ones, or, where options give an exponent, (t + 2)^-a;
/// about the present means, so that an offset of the data costs no accuracy. Ends with a sweep for the
/// log-likelihood of the model that is left.
class Stepwise final : public Engine {
 public:
  std::string_view name() const override { return "stepwise"; }
  std::string_view summary() const override { return "online EM, an M-step after every mini-batch"; }
  Progress progress() const override { return {kRunning, "running log-lik.", "change per row"}; }
  std::vector<TraceKind> traces() const override { return {{.name = kRunning, .is_log_likelihood = true}}; }
  Abilities abilities() const override { return {.gaps = true, .errors = true}; }
  bool works_in_passes() const override { return true; }
  int usual_max_iter() const override { return 3; }
  const Engine& on_few_rows() const override { return em_engine(); }  // no need of mini-batches

  EngineOptions options() const override { return StepwiseOptions(); }
  void check(const FitOptions& options) const override {
    const auto own = own_options<StepwiseOptions>(options);
    if (own.n_batches < 1) throw Error(ExitCode::usage, "`batches` must be at least 1");
    if (own.step_exponent && !(*own.step_exponent > 0.5 && *own.step_exponent <= 1.0))
      throw Error(ExitCode::usage,
                  "`step_exponent` must be above 0.5 and at most 1: other steps do not converge");
  }
  EngineState state(const FitOptions&) const override { return StepwiseState(); }
  void run(const Problem& problem, FitState& state) const override;
};

void Stepwise::run(const Problem& p, FitState& state) const {
  const auto own = own_options<StepwiseOptions>(p.options);
  auto& so_far = state.engine.as<StepwiseState>();
  const int n = static_cast<int>(std::min<Index>(own.n_batches, p.data.grid().n_blocks()));
  const std::uint64_t seed = p.options.seed + state.restart;
  Stopwatch watch;
  for (bool ended = false; !ended && state.n_iter < p.options.max_iter;) {
    const std::vector<int> order = batch_order(seed, state.n_iter, n);
    const bool averages = is_averaging(p, own, state);
    for (std::int64_t i = so_far.n_batches_done - std::int64_t{n} * state.n_iter; i < n; ++i) {
      p.observer.safe_point(state);
      so_far.pass_log_likelihood += take_batch(p, own, state, order[i], n);
    }
    state.n_sweeps++;
    state.traces[kRunning].push_back(so_far.pass_log_likelihood);
    so_far.pass_log_likelihood = 0.0;
    state.seconds.push_back(watch.lap());
    ++state.n_iter;
    ended = stop(p, own, state, averages);
  }
  const Posterior posterior(state.model, *p.execution.kernels);
  state.history = {sweep(p.execution, p.data, posterior, state.model.means).objective};
}

}  // namespace

std::vector<OptionField> StepwiseOptions::fields() {
  return {
      {"batches", "N", "mini-batches of a pass (default 64), at most one per block of rows", &n_batches},
      {"step_exponent", "A",
       "mini-batch t counts with (t + 2)^-A, A above 0.5 and at most 1, or auto (default): with 1/2, less "
       "where rows are few, and ever less in a last pass",
       &step_exponent}};
}

const Engine& stepwise_engine() {
  static const Stepwise engine;
  return engine;
}

}  // namespace gmmpi
