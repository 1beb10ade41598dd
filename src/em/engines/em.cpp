// The loop of EM: sweep, stop rule, parameters.
#include "em/engines/em.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "em/accelerate.hpp"
#include "em/assignments.hpp"
#include "em/collapse.hpp"
#include "em/labelled.hpp"
#include "em/trace.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr double kNoWeight = 1e-9;  ///< of all components together

/// The responsibilities gamma_nk of state.model, and what rows add with them about `centers`.
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

/// What the sweep has told of state.model.
void record(const Problem& p, FitState& state, const Moments& moments) {
  state.history.push_back(moments.values.back());  // the mixture's log-likelihood
  if (p.options.engine == Engine::hard) state.classification.push_back(moments.objective);
  if (p.prior)
    state.traces.log_posterior.push_back(moments.objective +
                                         log_prior(*p.prior, state.model, *p.execution.kernels));
  if (p.options.trace_bound) trace_bound(p.execution, p.data, state);
  if (!std::isfinite(state.history.back()))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite at iteration " +
                                         std::to_string(state.n_iter) +
                                         ": rescale the data or give --reg-covar a positive value");
}

/// Of what the M-steps raise, by the last of them, per unit of weight; NaN where there is none yet.
double last_change(const Problem& p, const FitState& state) {
  const std::vector<double>& objective = p.prior                            ? state.traces.log_posterior
                                         : p.options.engine == Engine::hard ? state.classification
                                                                            : state.history;
  if (objective.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return (objective.back() - objective[objective.size() - 2]) / p.data.summary().total_weight;
}

void tell_observer(const Problem& p, const FitState& state, double change) {
  FitObserver::Iteration seen{state.restart, state.n_iter, state.history.back(), change,
                              state.seconds.back()};
  if (p.prior) seen.log_posterior = state.traces.log_posterior.back();
  if (p.options.trace_bound) {
    seen.elbo = state.traces.elbo.back();
    seen.kl = state.traces.kl.back();
    seen.parameter_change = state.traces.parameter_change.back();
  }
  p.observer.iteration(seen);
}

/// True where every class is known: then the first M-step already is the maximum.
bool is_closed_form(const FitOptions& options) {
  return options.labels && options.labels->complete() && options.component->is_closed_form();
}

bool has_converged(const Problem& p, const FitState& state, double change) {
  if (is_closed_form(p.options) && state.n_iter > 0) return true;
  return !state.just_reseeded && !state.acceleration.extrapolated && std::abs(change) < p.options.tol;
}

int most_iterations(const FitOptions& options, int restart) {
  return options.is_short(restart) ? std::min(options.short_runs, options.max_iter) : options.max_iter;
}

std::int64_t n_reseeds_left(const Problem& p, const FitState& state) {
  return kMostReseeds * p.options.n_components - std::ssize(state.reseeds);
}

/// Components that collapse again when there are no reseeds left have lost their weight.
bool is_hopeless(const Problem& p, const FitState& state) {
  return n_reseeds_left(p, state) <= 0 && std::ranges::count(state.model.weights, 0.0) > 0;
}

/// The end of a restart: converged, out of M-steps, or components that collapse again and again.
bool must_stop(const Problem& p, FitState& state, double change) {
  const bool hopeless = is_hopeless(p, state);
  state.converged = !hopeless && has_converged(p, state, change);
  return state.converged || hopeless || state.n_iter >= most_iterations(p.options, state.restart);
}

/// Error 79 if the noise has taken all rows.
void require_rows(const Problem& p, const MStep& step, int iteration) {
  if (p.options.noise && std::ssize(step.collapsed) == p.options.n_components &&
      step.model.noise->weight > 1.0 - kNoWeight)
    throw Error(ExitCode::numerical, "the noise has taken all rows at iteration " +
                                         std::to_string(iteration) +
                                         ": give a larger --noise-volume, or leave out --noise");
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

/// Puts collapsed components at the rows that are explained worst.
void reseed(const Problem& p, FitState& state, MStep& step, int iteration) {
  const std::vector<Reseed> reseeds =
      treat_collapse(p.execution, p.data, p.moments, p.regularisation, state.model, state.restart, iteration,
                     n_reseeds_left(p, state), step);
  for (const Reseed& reseed : reseeds) p.observer.reseeded(reseed);
  state.reseeds.insert(state.reseeds.end(), reseeds.begin(), reseeds.end());
  state.just_reseeded = !reseeds.empty();
}

/// The parameters that maximise the expected log-likelihood, about the new means once more where the old
/// ones lie too far off; collapsed components treated.
Mixture m_step(const Problem& p, FitState& state, const Moments& moments) {
  Constraints constraints(p.regularisation, p.prior ? &*p.prior : nullptr);
  constraints.fixed = p.options.fixed;
  constraints.before = &state.model;
  const auto sum_about = [&](const std::vector<double>& centers) { return e_step(p, state, centers); };
  bool recentred = false;
  MStep step = m_step_guarded(p.execution, moments, p.options.kind(), constraints, sum_about, recentred);
  const int iteration = state.n_iter + 1;
  if (recentred) {
    ++state.n_recentred;
    p.observer.recentred(state.restart, iteration);
  }
  require_rows(p, step, iteration);
  require_no_collapse(p.options, step.collapsed, iteration);
  reseed(p, state, step, iteration);
  return std::move(step.model);
}

/// Further on the way that the M-step has gone, if --accelerate asks for it and the path is smooth here.
Mixture extrapolate(const Problem& p, FitState& state, Mixture model) {
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

void advance(const Problem& p, FitState& state, Mixture next) {
  if (p.options.trace_bound) state.previous = std::move(state.model);
  state.model = std::move(next);
  ++state.n_iter;
}

}  // namespace

void run_em(const Problem& p, FitState& state) {
  Stopwatch watch;
  for (;;) {
    p.observer.safe_point(state);

    // E: gamma_nk = pi_k N(x_n | mu_k, Sigma_k) / sum_j pi_j N(x_n | mu_j, Sigma_j)   Bishop (2006), 9.23
    const Moments moments = e_step(p, state, state.model.means);
    if (must_reject(state, moments.objective)) {  // an extrapolation too far
      p.observer.rejected(state.restart, state.n_iter, moments.objective);
      reject(state);
      continue;
    }

    // L = sum_n ln sum_k pi_k N(x_n | mu_k, Sigma_k), of the same sweep                                  9.28
    record(p, state, moments);
    state.seconds.push_back(watch.lap());
    const double change = last_change(p, state);
    tell_observer(p, state, change);
    if (must_stop(p, state, change)) break;

    // M: N_k = sum_n gamma_nk, pi_k = N_k / N, mu_k = sum_n gamma_nk x_n / N_k,
    //    Sigma_k = sum_n gamma_nk (x_n - mu_k)(x_n - mu_k)^T / N_k                              9.24 to 9.27
    Mixture next = m_step(p, state, moments);
    advance(p, state, extrapolate(p, state, std::move(next)));
  }
}

}  // namespace gmmpi
