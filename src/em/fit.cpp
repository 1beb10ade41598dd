// The fit: restarts, the EM loop, its stop rule, and the treatment of collapsed components.
#include "gmmpi/em/fit.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "em/assignments.hpp"
#include "em/start.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

/// What all restarts share.
struct Problem {
  const Execution& execution;
  const Data& data;
  const FitOptions& options;
  FitObserver& observer;
  DataMoments moments;
  RegCovar reg_covar;

  double total_weight() const { return data.summary().total_weight; }
};

/// One restart on its way.
struct Run {
  int restart = 0;
  Mixture model;
  std::vector<double> history;
  std::vector<Reseed> reseeds;
  std::vector<double> seconds;
  int n_iter = 0, n_recentred = 0;
  bool converged = false;
  bool just_reseeded = false;
};

/// The added variances that `auto` stands for: 1e-6 of the column's variance; for constant columns of the mean variance.
RegCovar resolve_reg_covar(const FitOptions& options, const std::vector<double>& variance) {
  if (options.reg_covar) return RegCovar(variance.size(), *options.reg_covar);
  const double mean = std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(variance.size());
  RegCovar reg(variance);
  for (double& r : reg) r = 1e-6 * (r > 0.0 ? r : mean > 0.0 ? mean : 1.0);
  return reg;
}

/// Responsibilities under `model` and their moments about `centers`.
Moments e_step(const Problem& p, const Mixture& model, const std::vector<double>& centers) {
  const Posterior posterior(model, *p.execution.kernels);
  return sweep(p.execution, p.data, posterior, centers, model.family->scatter_shape());
}

/// Puts component k at the row that `model` explains worst, with the data's variances and weight 1/K.
void reseed(const Problem& p, Run& run, Mixture& model, int k) {
  if (p.options.fail_on_collapse)
    throw Error(ExitCode::numerical, "component " + std::to_string(k) + " collapsed at iteration " +
                                         std::to_string(run.n_iter + 1) +
                                         ": use fewer components, a larger --reg-covar, or --on-collapse reseed");
  const Posterior posterior(model, *p.execution.kernels);
  const FoundRow worst = find_extreme_row(p.execution, p.data, posterior, false);
  const int K = model.n_components;
  for (int l = 0; l < K; ++l) model.weights[l] *= l == k ? 0.0 : (1.0 - 1.0 / K) / (1.0 - model.weights[k]);
  model.weights[k] = 1.0 / K;
  std::vector<double> variance = p.moments.variance;
  for (std::size_t j = 0; j < variance.size(); ++j) variance[j] += p.reg_covar[j];
  set_component(model, k, worst.x, variance);
  run.reseeds.push_back({run.restart, run.n_iter + 1, k, worst.row});
  p.observer.reseeded(run.reseeds.back());
}

/// Replaces collapsed components one by one, each where the model with those before it is worst.
void treat_collapse(const Problem& p, Run& run, MStep& step) {
  run.just_reseeded = !step.collapsed.empty();
  if (!run.just_reseeded) return;
  const Mixture& before = run.model;
  Mixture& model = step.model;
  const std::size_t d = model.n_features, stride = covariance_stride(model.shape(), model.n_features);
  const bool shared = model.shape() == PrecisionShape::shared_dense;
  if (static_cast<int>(step.collapsed.size()) == model.n_components || (shared && !factorise(model, *p.execution.kernels).empty()))
    throw Error(ExitCode::numerical, "no covariance is positive definite at iteration " + std::to_string(run.n_iter + 1) +
                                         " (columns that depend on each other, or too few distinct rows): drop "
                                         "columns or give --reg-covar a positive value");
  // Until it is replaced, a collapsed component stays as it was, without weight.
  for (const int k : step.collapsed) {
    model.weights[k] = 0.0;
    std::copy_n(before.means.begin() + k * d, d, model.means.begin() + k * d);
    if (!shared) std::copy_n(before.covariances.begin() + k * stride, stride, model.covariances.begin() + k * stride);
  }
  const double sum = std::accumulate(model.weights.begin(), model.weights.end(), 0.0);
  for (double& w : model.weights) w /= sum;
  factorise(model, *p.execution.kernels);
  for (const int k : step.collapsed) {
    reseed(p, run, model, k);
    if (!factorise(model, *p.execution.kernels).empty())
      throw Error(ExitCode::numerical, "a reseeded component has a singular covariance (a column is constant or "
                                       "depends on others): give --reg-covar a positive value");
  }
}

/// The parameters that maximise the expected complete-data log-likelihood. Bishop (2006), eq. 9.24-9.26.
Mixture m_step(const Problem& p, Run& run, const Moments& moments) {
  bool recentred = false;
  MStep step = m_step_guarded(
      moments, *p.options.family, p.reg_covar, *p.execution.kernels,
      [&](const std::vector<double>& centers) { return e_step(p, run.model, centers); }, recentred);
  if (recentred) {
    ++run.n_recentred;
    p.observer.recentred(run.restart, run.n_iter + 1);
  }
  treat_collapse(p, run, step);
  return std::move(step.model);
}

/// True at the end of a restart: converged, or out of M-steps.
bool stop(const Problem& p, Run& run) {
  const double log_likelihood = run.history.back();
  if (!std::isfinite(log_likelihood))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite at iteration " + std::to_string(run.n_iter) +
                                         ": rescale the data or give --reg-covar a positive value");
  double change = std::numeric_limits<double>::quiet_NaN();
  if (run.history.size() > 1) change = (log_likelihood - run.history[run.history.size() - 2]) / p.total_weight();
  p.observer.iteration({run.restart, run.n_iter, log_likelihood, change, run.seconds.back()});
  run.converged = !run.just_reseeded && std::abs(change) < p.options.tol;
  return run.converged || run.n_iter >= p.options.max_iter;
}

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Expectation-Maximisation from run.model.
void run_em(const Problem& p, Run& run) {
  Stopwatch watch;
  for (;;) {
    const Moments moments = e_step(p, run.model, run.model.means);
    run.history.push_back(moments.objective);
    run.seconds.push_back(watch.lap());
    if (stop(p, run)) break;
    run.model = m_step(p, run, moments);
    ++run.n_iter;
  }
}

void check(const Problem& p) {
  const FitOptions& o = p.options;
  const auto require = [](bool condition, ExitCode code, const std::string& message) {
    if (!condition) throw Error(code, message);
  };
  require(o.family != nullptr, ExitCode::usage, "no covariance type given");
  require(o.n_components >= 1, ExitCode::usage, "-k must be at least 1");
  require(o.n_init >= 1, ExitCode::usage, "--n-init must be at least 1");
  require(o.max_iter >= 0, ExitCode::usage, "--max-iter must not be negative");
  require(o.tol >= 0.0, ExitCode::usage, "--tol must not be negative");
  require(!o.reg_covar || (*o.reg_covar >= 0.0 && std::isfinite(*o.reg_covar)), ExitCode::usage,
          "--reg-covar must be a finite number >= 0, or auto");
  if (o.init == Init::model) {
    const int K = o.start->n_components, d = o.start->n_features;
    require(d == p.data.n_columns(), ExitCode::bad_data,
            "the start model has " + std::to_string(d) + " columns, the data have " + std::to_string(p.data.n_columns()));
    require(K == o.n_components, ExitCode::bad_data,
            "the start model has " + std::to_string(K) + " components, -k asks for " + std::to_string(o.n_components));
  }
  require(o.n_components <= p.data.summary().n_rows, ExitCode::bad_data,
          "-k " + std::to_string(o.n_components) + " components for " + std::to_string(p.data.summary().n_rows) +
              " rows (of positive weight); choose a smaller -k");
  require(has_distinct_rows(p.execution, p.data, o.n_components), ExitCode::bad_data,
          "-k " + std::to_string(o.n_components) + " components, but fewer distinct rows; choose a smaller -k");
}

}  // namespace

FitResult fit(const Execution& execution, const Data& data, const FitOptions& options, FitObserver& observer) {
  Problem p{execution, data, options, observer, {}, {}};
  check(p);
  p.moments = data_moments(execution, data);
  p.reg_covar = resolve_reg_covar(options, p.moments.variance);

  FitResult result;
  result.reg_covar = p.reg_covar;
  for (int restart = 0; restart < options.n_init; ++restart) {
    observer.restart_begins(restart);
    Run run;
    run.restart = restart;
    std::string how;
    run.model = make_start(execution, data, p.moments, options, p.reg_covar, options.seed + restart, how);
    observer.started(how);
    run_em(p, run);
    observer.restart_ended(restart, run.converged, run.history.back());
    result.restart_log_likelihoods.push_back(run.history.back());
    result.reseeds.insert(result.reseeds.end(), run.reseeds.begin(), run.reseeds.end());
    result.n_recentred += run.n_recentred;
    if (restart > 0 && run.history.back() <= result.history.back()) continue;
    result.model = std::move(run.model);
    result.history = std::move(run.history);
    result.seconds = std::move(run.seconds);
    result.converged = run.converged;
    result.n_iter = run.n_iter;
    result.best_restart = restart;
  }
  return result;
}

}  // namespace gmmpi
