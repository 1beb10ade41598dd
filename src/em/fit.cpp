// The fit: restarts, the EM loop, its stop rule, and the treatment of collapsed components.
#include "gmmpi/em/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/binary.hpp"
#include "data/summary.hpp"
#include "em/accelerate.hpp"
#include "em/assignments.hpp"
#include "em/collapse.hpp"
#include "em/engines/kmeans.hpp"
#include "em/engines/sequential.hpp"
#include "em/engines/stepwise.hpp"
#include "em/labelled.hpp"
#include "em/noise.hpp"
#include "em/prior_of_data.hpp"
#include "em/problem.hpp"
#include "em/trace.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr double kNoWeight = 1e-9;  ///< of all components together

constexpr double kLeastVariance = 1e-12;  ///< as a share of the column's

/// `auto` is a floor under the covariances: a tiny share of the column's variance; for constant columns of
/// the mean variance. Fixed covariances bear none.
Regularisation regularisation_of(const FitOptions& options, const std::vector<double>& variance) {
  if (options.fixed.covariances && options.init == Init::model) return {};
  if (options.reg_covar) return {std::vector<double>(variance.size(), *options.reg_covar), {}};
  if (options.structure->precision_shape() == PrecisionShape::none) return {};
  const double mean =
      std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(variance.size());
  Regularisation r{{}, variance};
  for (double& least : r.floor) least = kLeastVariance * (least > 0.0 ? least : mean > 0.0 ? mean : 1.0);
  return r;
}

/// Responsibilities under state.model and their moments about `centers`.
Moments e_step(const Problem& p, FitState& state, const std::vector<double>& centers) {
  const double least_log_share = p.options.skip ? kLeastLogShare : kEveryLogShare;
  const ScatterShape shape = state.model.structure->scatter_shape();
  const MomentNeeds needs = MomentNeeds::of(*state.model.structure, p.regularisation.hides());
  const KernelTable& kernels = *p.execution.kernels;
  ++state.n_sweeps;
  const auto run = [&](const Assignment& posterior) {
    if (!p.options.labels) return sweep(p.execution, p.data, posterior, centers, shape, needs);
    const LabelledPosterior labelled(*p.options.labels, posterior, state.model, kernels);
    return sweep(p.execution, p.data, labelled, centers, shape, needs);
  };
  if (p.options.engine == Engine::hard) return run(HardPosterior(state.model, kernels, least_log_share));
  return run(Posterior(state.model, kernels, least_log_share));
}

/// True where every class is known: then the first M-step already is the maximum.
bool is_closed_form(const FitOptions& options) {
  return options.labels && options.labels->complete();
}

/// Error 79 if components collapsed that must not be put elsewhere.
void require_no_collapse(const FitOptions& o, const std::vector<int>& collapsed, int iteration) {
  if (collapsed.empty()) return;
  const std::string which = std::to_string(collapsed.front());
  if (is_closed_form(o))
    throw Error(ExitCode::numerical,
                "class " + which +
                    " has too few distinct rows for its covariance: give --prior auto, or --reg-covar a "
                    "positive value");
  if (o.fixed.any())
    throw Error(ExitCode::numerical, "component " + which + " collapsed at iteration " +
                                         std::to_string(iteration) +
                                         ", and with --fix it cannot be put elsewhere: give another start, "
                                         "or --prior auto");
  if (o.fail_on_collapse)
    throw Error(ExitCode::numerical,
                "component " + which + " collapsed at iteration " + std::to_string(iteration) +
                    ": use fewer components, --prior auto, a larger --reg-covar, or --on-collapse reseed");
}

std::int64_t n_reseeds_left(const Problem& p, const FitState& state) {
  return kMostReseeds * p.options.n_components - std::ssize(state.reseeds);
}

/// The parameters that maximise the expected complete-data log-likelihood. Bishop (2006), eq. 9.24-9.26.
Mixture m_step(const Problem& p, FitState& state, const Moments& moments) {
  Constraints constraints(p.regularisation, p.prior ? &*p.prior : nullptr);
  constraints.fixed = p.options.fixed;
  constraints.before = &state.model;
  bool recentred = false;
  MStep step = m_step_guarded(
      p.execution, moments, *p.options.structure, constraints,
      [&](const std::vector<double>& centers) { return e_step(p, state, centers); }, recentred);
  const int iteration = state.n_iter + 1;
  if (recentred) {
    ++state.n_recentred;
    p.observer.recentred(state.restart, iteration);
  }
  if (p.options.noise && std::ssize(step.collapsed) == p.options.n_components &&
      step.model.noise->weight > 1.0 - kNoWeight)
    throw Error(ExitCode::numerical, "the noise has taken all rows at iteration " +
                                         std::to_string(iteration) +
                                         ": give a larger --noise-volume, or leave out --noise");
  require_no_collapse(p.options, step.collapsed, iteration);
  const std::vector<Reseed> reseeds =
      treat_collapse(p.execution, p.data, p.moments, p.regularisation, state.model, state.restart, iteration,
                     n_reseeds_left(p, state), step);
  for (const Reseed& reseed : reseeds) p.observer.reseeded(reseed);
  state.reseeds.insert(state.reseeds.end(), reseeds.begin(), reseeds.end());
  state.just_reseeded = !reseeds.empty();
  return std::move(step.model);
}

/// The parameters of the next sweep: those of the M-step, or further on the same way.
Mixture next_model(const Problem& p, FitState& state, const Moments& moments) {
  Mixture model = m_step(p, state, moments);
  if (p.options.accelerate == Acceleration::none) return model;
  if (state.just_reseeded || model.floored != state.model.floored) {
    state.acceleration = {};  // the path begins anew
    return model;
  }
  Stopwatch watch;
  model = accelerate(p.execution, state, std::move(model), p.options.tol * p.data.summary().total_weight,
                     p.regularisation.floor);
  if (p.execution.profile) p.execution.profile->add(Profile::m_step, watch.lap());
  return model;
}

/// True at the end of a restart: converged, out of M-steps, or components that collapse again and again.
bool stop(const Problem& p, FitState& state) {
  const double log_likelihood = state.history.back();
  if (!std::isfinite(log_likelihood))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite at iteration " +
                                         std::to_string(state.n_iter) +
                                         ": rescale the data or give --reg-covar a positive value");
  const std::vector<double>& objective = p.prior                            ? state.traces.log_posterior
                                         : p.options.engine == Engine::hard ? state.classification
                                                                            : state.history;
  double change = std::numeric_limits<double>::quiet_NaN();
  if (objective.size() > 1)
    change = (objective.back() - objective[objective.size() - 2]) / p.data.summary().total_weight;
  FitObserver::Iteration seen{state.restart, state.n_iter, log_likelihood, change, state.seconds.back()};
  if (p.prior) seen.log_posterior = state.traces.log_posterior.back();
  if (p.options.trace_bound) {
    seen.elbo = state.traces.elbo.back();
    seen.kl = state.traces.kl.back();
    seen.parameter_change = state.traces.parameter_change.back();
  }
  p.observer.iteration(seen);
  state.converged =
      (!state.just_reseeded && !state.acceleration.extrapolated && std::abs(change) < p.options.tol) ||
      (is_closed_form(p.options) && state.n_iter > 0);
  const int most = p.options.is_short(state.restart) ? std::min(p.options.short_runs, p.options.max_iter)
                                                     : p.options.max_iter;
  // Components that collapse again when there are no reseeds left have lost their weight.
  const bool gives_up = n_reseeds_left(p, state) <= 0 && std::ranges::count(state.model.weights, 0.0) > 0;
  state.converged = state.converged && !gives_up;
  return state.converged || state.n_iter >= most || gives_up;
}

/// Expectation-Maximisation from state.model.
void run_em(const Problem& p, FitState& state) {
  Stopwatch watch;
  for (;;) {
    p.observer.safe_point(state);
    const Moments moments = e_step(p, state, state.model.means);
    if (must_reject(state, moments.objective)) {
      p.observer.rejected(state.restart, state.n_iter, moments.objective);
      reject(state);
      continue;
    }
    state.history.push_back(moments.values.back());  // the mixture's log-likelihood
    if (p.options.engine == Engine::hard) state.classification.push_back(moments.objective);
    if (p.prior)
      state.traces.log_posterior.push_back(moments.objective +
                                           log_prior(*p.prior, state.model, *p.execution.kernels));
    if (p.options.trace_bound) trace_bound(p.execution, p.data, state);
    state.seconds.push_back(watch.lap());
    if (stop(p, state)) break;
    Mixture next = next_model(p, state, moments);
    if (p.options.trace_bound) state.previous = std::move(state.model);
    state.model = std::move(next);
    ++state.n_iter;
  }
}

/// What the engine has raised, of a FitState or a FitResult.
double objective(const auto& run) {
  if (!run.traces.log_posterior.empty()) return run.traces.log_posterior.back();
  if (!run.traces.inertia.empty()) return -run.traces.inertia.back();
  return run.classification.empty() ? run.history.back() : run.classification.back();
}

/// From where the best short run ended: its last log-likelihood is computed again.
void continue_best(FitState& state) {
  state.model = state.best.model;
  state.history = state.best.history;
  state.classification = state.best.classification;
  state.seconds = state.best.seconds;
  state.traces.log_posterior = state.best.traces.log_posterior;
  for (std::vector<double>* trace :
       {&state.history, &state.classification, &state.seconds, &state.traces.log_posterior})
    if (!trace->empty()) trace->pop_back();
  state.n_iter = state.best.n_iter;
}

/// Keeps the better of this restart and those before it; the one that went on with the best is it.
void finish_restart(const FitOptions& options, FitState& state) {
  FitResult& best = state.best;
  const double log_likelihood = state.history.back();
  const bool goes_on = state.restart == options.n_init;
  const bool better = goes_on || best.history.empty() || objective(state) > objective(best);
  best.restart_log_likelihoods.push_back(log_likelihood);
  best.reseeds.insert(best.reseeds.end(), state.reseeds.begin(), state.reseeds.end());
  best.n_recentred += state.n_recentred;
  best.n_rejected += state.n_rejected;
  best.n_sweeps += state.n_sweeps;
  if (better) {
    best.model = std::move(state.model);
    best.history = std::move(state.history);
    best.classification = std::move(state.classification);
    best.seconds = std::move(state.seconds);
    best.traces = std::move(state.traces);
    best.converged = state.converged;
    best.n_iter = state.n_iter;
    if (!goes_on) best.best_restart = state.restart;
  }
  FitState next;
  next.restart = state.restart + 1;
  next.best = std::move(best);
  state = std::move(next);
}

}  // namespace

namespace {

/// Labels, prior and fixed parameters.
void validate_extras(const FitOptions& o, int n_columns) {
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) throw Error(ExitCode::usage, message);
  };
  const bool from_rows = o.init == Init::random || o.init == Init::random_from_data;
  require(!o.labels || o.labels->n_classes() == o.n_components,
          "--labels and -k do not agree; read the labels for as many classes");
  require(!o.labels || !from_rows,
          "--init random and random-from-data take no notice of --labels; leave --init out, or give a model");
  if (o.labels && o.init == Init::model && o.start)
    for (int k = 0; k < std::min(o.labels->n_classes(), o.start->n_components); ++k)
      require(o.labels->n_rows(k) == 0 || o.start->weights[k] > 0.0,
              o.start_name + ": component " + std::to_string(k) + " has weight 0, but " +
                  std::to_string(o.labels->n_rows(k)) +
                  " rows are labelled as its own; give another start, or other labels");
  require(!o.labels || !o.trace_bound, "--trace elbo takes no notice of --labels; leave one of them out");
  const bool is_em = o.engine == Engine::em || o.engine == Engine::hard;
  require(is_em || (!o.labels && !o.prior && !o.fixed.any()),
          "--engine " + engine_name(o.engine) +
              " knows no --labels, --prior or --fix; leave them out, or choose --engine em or hard");
  if (o.prior) validate_prior(*o.prior, *o.structure, n_columns);
  const bool plain = o.accelerate == Acceleration::none;
  require(plain || !o.prior,
          "--accelerate raises the log-likelihood, not what --prior makes of it; leave one "
          "of them out");
  require(plain || !o.fixed.any(), "--accelerate moves all parameters; leave out --accelerate or --fix");
  require(!o.fixed.covariances || o.structure->precision_shape() != PrecisionShape::none,
          "--fix covariances: Bernoulli components have none; fix weights or means");
  require(!(o.fixed.weights && o.fixed.means &&
            (o.fixed.covariances || o.structure->precision_shape() == PrecisionShape::none)),
          "--fix leaves nothing to fit; use gmmpi score, or fix less");
}

}  // namespace

std::string engine_name(Engine engine) {
  static constexpr const char* names[] = {"em", "hard", "kmeans", "stepwise", "sequential"};
  return names[static_cast<int>(engine)];
}

void validate_fit(const Execution& execution, const Data& data, const FitOptions& o,
                  const std::string& name) {
  const auto require = [](bool condition, ExitCode code, const std::string& message) {
    if (!condition) throw Error(code, message);
  };
  const std::string wanted = name + ": -k " + std::to_string(o.n_components) + " components";
  require(o.structure != nullptr, ExitCode::usage, "no covariance type given");
  require(o.n_components >= 1, ExitCode::usage, "-k must be at least 1");
  require(o.n_init >= 1, ExitCode::usage, "--n-init must be at least 1");
  const bool is_em = o.engine == Engine::em || o.engine == Engine::hard;
  require(o.short_runs >= 0, ExitCode::usage, "--short-runs must not be negative");
  require(o.short_runs == 0 || (is_em && !o.trace_bound), ExitCode::usage,
          "--short-runs is for --engine em or hard without --trace elbo; leave one of them out");
  require(o.max_iter >= 0, ExitCode::usage, "--max-iter must not be negative");
  require(o.tol >= 0.0, ExitCode::usage, "--tol must not be negative");
  require(!o.reg_covar || (*o.reg_covar >= 0.0 && std::isfinite(*o.reg_covar)), ExitCode::usage,
          "--reg-covar must be a finite number >= 0, or auto");
  require(o.engine == Engine::em || o.accelerate == Acceleration::none, ExitCode::usage,
          "--accelerate is for --engine em; leave one of them out");
  require(o.n_batches >= (o.engine == Engine::sequential ? 0 : 1), ExitCode::usage,
          "--batches must be at least 1");
  require(!o.step_exponent || (*o.step_exponent > 0.5 && *o.step_exponent <= 1.0), ExitCode::usage,
          "--step-exponent must be above 0.5 and at most 1: other steps do not converge");
  require(o.engine == Engine::em || !o.trace_bound, ExitCode::usage,
          "--trace elbo is for --engine em; leave one of them out");
  validate_extras(o, data.n_columns());
  validate_noise(o, data, name);
  if (o.init == Init::model) {
    require(o.start.has_value(), ExitCode::usage, "no start model given");
    require(o.start->structure->distribution() == o.structure->distribution(), ExitCode::usage,
            o.start_name + ": is a " + std::string(o.start->structure->distribution()) + " mixture, not a " +
                std::string(o.structure->distribution()) + " one; give another start or --family");
    const int K = o.start->n_components, d = o.start->n_features;
    require(d == data.n_columns(), ExitCode::bad_data,
            o.start_name + ": has " + std::to_string(d) + " columns, " + name + " has " +
                std::to_string(data.n_columns()) + "; give a start for these data");
    require(K == o.n_components, ExitCode::bad_data,
            o.start_name + ": has " + std::to_string(K) + " components, not " +
                std::to_string(o.n_components) + "; give -k " + std::to_string(K) + " or another start");
  }
  const Index n_rows = data.summary().n_rows;
  require(o.n_components <= n_rows, ExitCode::bad_data,
          wanted + " for " + std::to_string(n_rows) +
              (n_rows < data.grid().n_rows() ? " rows of positive weight" : " rows") +
              "; choose a smaller -k");
  require_squares(data.summary(), name);
  if (o.structure->precision_shape() == PrecisionShape::none) require_binary(execution, data, name);
  require(has_distinct_rows(execution, data, o.n_components), ExitCode::bad_data,
          wanted + ", but fewer distinct rows; choose a smaller -k");
}

FitResult fit(const Execution& execution, const Data& data, const FitOptions& options, FitObserver& observer,
              const FitState* resume) {
  Problem p{execution, data, options, observer, {}, {}, {}};
  validate_fit(execution, data, options, "the data");
  p.moments = data_moments(execution, data);
  p.regularisation = regularisation_of(options, p.moments.variance);
  if (options.prior) p.prior = prior_of_data(execution, data, options, p.moments);

  FitState state = resume ? *resume : FitState();
  if (!state.model.weights.empty()) factorise(state.model, *execution.kernels);
  if (!state.previous.weights.empty()) factorise(state.previous, *execution.kernels);
  if (state.acceleration.extrapolated) factorise(state.acceleration.em_model, *execution.kernels);
  if (!state.best.history.empty()) factorise(state.best.model, *execution.kernels);
  while (state.restart < options.n_runs()) {
    observer.restart_begins(state.restart);
    if (state.phase != FitState::Phase::em) {
      const auto safe_point = [&] { observer.safe_point(state); };
      if (state.restart < options.n_init) {
        observer.started(
            is_kmeans(options.engine)
                ? make_centers(execution, data, p.moments, options, p.regularisation, state, safe_point)
                : make_start(execution, data, p.moments, options,
                             {p.regularisation, p.prior ? &*p.prior : nullptr}, state, safe_point));
        if (options.noise) add_noise(*options.noise, data, *execution.kernels, state.model);
      } else {
        continue_best(state);
        observer.started("the best short run, restart " + std::to_string(state.best.best_restart));
      }
      state.phase = FitState::Phase::em;
    }
    if (options.engine == Engine::kmeans)
      run_kmeans(p, state);
    else if (options.engine == Engine::stepwise)
      run_stepwise(p, state);
    else if (options.engine == Engine::sequential)
      run_sequential(p, state);
    else
      run_em(p, state);
    observer.restart_ended(state.restart, state.converged, state.history.back());
    finish_restart(options, state);
  }
  FitResult result = std::move(state.best);
  result.reg_covar = p.regularisation.added;
  result.reg_covar.resize(data.n_columns(), 0.0);
  result.variance_floor = p.regularisation.floor;
  result.prior = p.prior;
  return result;
}

}  // namespace gmmpi
