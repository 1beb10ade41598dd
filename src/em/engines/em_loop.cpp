// The loop of EM: sweep, stop rule, parameters.
#include "em/engines/em_loop.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "em/assignments.hpp"
#include "em/collapse.hpp"
#include "em/labelled.hpp"
#include "em/progress.hpp"
#include "em/trace.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

constexpr double kNoWeight = 1e-9;  ///< of all components together

/// True where every class is known: then the first M-step already is the maximum.
bool is_closed_form(const FitOptions& options, const Data& data) {
  return options.labels && options.labels->complete() && options.component->is_closed_form() &&
         data.summary().tells_all();
}

int most_iterations(const FitOptions& options, int restart) {
  return options.is_short(restart) ? std::min(options.short_runs, options.max_iter) : options.max_iter;
}

/// Error 79 if the noise has taken all rows.
void require_rows(const Problem& p, const MStep& step, int iteration) {
  if (p.options.noise && std::ssize(step.collapsed) == p.options.n_components &&
      step.model.noise->weight > 1.0 - kNoWeight)
    throw Error(ExitCode::numerical, "the noise has taken all rows at iteration " +
                                         std::to_string(iteration) +
                                         ": give a larger `noise_volume`, or leave out `noise`");
}

/// Error 79 if components collapsed that must not be put elsewhere.
void require_no_collapse(const Problem& p, const std::vector<int>& collapsed, int iteration) {
  if (collapsed.empty()) return;
  const FitOptions& o = p.options;
  const std::string which = std::to_string(collapsed.front());
  if (is_closed_form(o, p.data))
    throw Error(ExitCode::numerical,
                "class " + which +
                    " has too few distinct rows for its covariance: give `prior` auto, or `reg_covar` a "
                    "positive value");
  if (o.fixed.any())
    throw Error(ExitCode::numerical, "component " + which + " collapsed at iteration " +
                                         std::to_string(iteration) +
                                         ", and with `fix` it cannot be put elsewhere: give another start, "
                                         "or `prior` auto");
  if (o.fail_on_collapse)
    throw Error(ExitCode::numerical,
                "component " + which + " collapsed at iteration " + std::to_string(iteration) +
                    ": use fewer components, `prior` auto, a larger `reg_covar`, or `on_collapse` reseed");
}

/// One restart.
class Loop {
 public:
  Loop(const EmLoop& engine, const Problem& problem, FitState& state)
      : engine_(engine), p_(problem), state_(state), own_(state.engine.as<EmState>()) {}

  void run();

 private:
  bool may_be_last() const;
  Moments e_step(const std::vector<double>& centers, bool with_entropy);
  bool take_back(const Moments& moments);
  void record(const Moments& moments);
  const std::vector<double>& raised() const;
  double last_change() const;
  bool has_converged(double change) const;
  bool is_hopeless() const;
  bool must_stop(double change);
  Mixture m_step(const Moments& moments);
  void reseed(MStep& step, int iteration);
  Mixture extrapolate(Mixture model);
  void advance(Mixture next);

  const EmLoop& engine_;
  const Problem& p_;
  FitState& state_;
  EmState& own_;
};

void Loop::run() {
  Stopwatch watch;
  for (;;) {
    p_.observer.safe_point(state_);

    // E: gamma_nk = pi_k N(x_n | mu_k, Sigma_k) / sum_j pi_j N(x_n | mu_j, Sigma_j)   Bishop (2006), 9.23
    const Moments moments = e_step(state_.model.means, may_be_last());
    if (take_back(moments)) continue;

    // L = sum_n ln sum_k pi_k N(x_n | mu_k, Sigma_k), of the same sweep                                  9.28
    record(moments);
    state_.seconds.push_back(watch.lap());
    const double change = last_change();
    tell_iteration(p_, state_, state_.history.back(), change);
    if (must_stop(change)) break;

    // M: N_k = sum_n gamma_nk, pi_k = N_k / N, mu_k = sum_n gamma_nk x_n / N_k,
    //    Sigma_k = sum_n gamma_nk (x_n - mu_k)(x_n - mu_k)^T / N_k                              9.24 to 9.27
    Mixture next = m_step(moments);
    advance(extrapolate(std::move(next)));
  }
}

/// Whether the restart may end with the sweep of state.model. It then also sums the entropy of ICL, which
/// costs a few hundredths of a sweep. Only a guess: where it fails, ICL takes a pass of its own.
bool Loop::may_be_last() const {
  const FitOptions& o = p_.options;
  if (!o.skip || o.is_short(state_.restart)) return false;  // a short run goes on
  if (state_.n_iter >= o.max_iter || (is_closed_form(o, p_.data) && state_.n_iter > 0)) return true;
  if (o.tol == 0.0 || state_.n_iter == 0) return false;
  if (state_.just_reseeded || own_.acceleration.extrapolated) return false;  // no change counts there
  const std::vector<double>& values = raised();
  const std::size_t n = values.size();
  if (n < 3) return true;  // two changes are needed to tell how fast they fall
  const double before = std::abs(values[n - 2] - values[n - 3]);
  const double last = std::abs(values[n - 1] - values[n - 2]);
  return std::min(last, last / before * last) < 1.25 * o.tol * p_.data.summary().total_weight;
}

/// The responsibilities gamma_nk of state.model, and what rows add with them about `centers`.
Moments Loop::e_step(const std::vector<double>& centers, bool with_entropy) {
  const Mixture& model = state_.model;
  const KernelTable& kernels = *p_.execution.kernels;
  const MomentNeeds needs = MomentNeeds::of(*model.structure, p_.regularisation.hides());
  const auto posterior =
      engine_.assignment(model, kernels, p_.options.skip ? kLeastLogShare : kEveryLogShare, with_entropy);
  ++state_.n_sweeps;
  if (!p_.options.labels)
    return sweep(p_.execution, p_.data, *posterior, centers, model.structure->scatter_shape(), needs);
  const LabelledPosterior labelled(*p_.options.labels, *posterior, model, kernels);
  return sweep(p_.execution, p_.data, labelled, centers, model.structure->scatter_shape(), needs);
}

/// True if the last extrapolation went too far: EM's own parameters take the place of state.model.
bool Loop::take_back(const Moments& moments) {
  if (!must_reject(state_, own_.acceleration, moments.objective)) return false;
  p_.observer.rejected(state_.restart, state_.n_iter, moments.objective);
  reject(state_, own_.acceleration);
  return true;
}

/// What the sweep has told of state.model.
void Loop::record(const Moments& moments) {
  state_.history.push_back(moments.values.back());
  if (p_.options.skip) state_.map_entropy = moments.map_entropy;  // `score` skips
  if (const auto objective = engine_.objective().trace; objective != kLogLikelihood)
    state_.traces[objective].push_back(moments.objective);
  if (p_.prior)
    state_.traces["log_posterior"].push_back(moments.objective +
                                             log_prior(*p_.prior, state_.model, *p_.execution.kernels));
  if (p_.options.trace_bound) trace_bound(p_.execution, p_.data, own_.previous, state_);
  if (!std::isfinite(state_.history.back()))
    throw Error(ExitCode::numerical, "the log-likelihood is not finite at iteration " +
                                         std::to_string(state_.n_iter) +
                                         ": rescale the data or give `reg_covar` a positive value");
}

/// What the M-steps raise, after each of them.
const std::vector<double>& Loop::raised() const {
  return p_.prior ? state_.traces["log_posterior"] : state_.values(engine_.objective().trace);
}

/// Of it, by the last M-step, per unit of weight; NaN where there is none yet.
double Loop::last_change() const {
  const std::vector<double>& values = raised();
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  return (values.back() - values[values.size() - 2]) / p_.data.summary().total_weight;
}

bool Loop::has_converged(double change) const {
  if (is_closed_form(p_.options, p_.data) && state_.n_iter > 0) return true;
  return !state_.just_reseeded && !own_.acceleration.extrapolated && std::abs(change) < p_.options.tol;
}

/// Components that collapse again when there are no reseeds left have lost their weight.
bool Loop::is_hopeless() const {
  return n_reseeds_left(p_, state_) <= 0 && std::ranges::count(state_.model.weights, 0.0) > 0;
}

/// The end of a restart: converged, out of M-steps, or components that collapse again and again.
bool Loop::must_stop(double change) {
  const bool hopeless = is_hopeless();
  state_.converged = !hopeless && has_converged(change);
  return state_.converged || hopeless || state_.n_iter >= most_iterations(p_.options, state_.restart);
}

/// The parameters that maximise the expected log-likelihood, about the new means once more where the old
/// ones lie too far off; collapsed components treated.
Mixture Loop::m_step(const Moments& moments) {
  Constraints constraints(p_.regularisation, p_.prior ? &*p_.prior : nullptr);
  constraints.fixed = p_.options.fixed;
  constraints.before = &state_.model;
  const auto sum_about = [&](const std::vector<double>& centers) { return e_step(centers, false); };
  bool recentred = false;
  MStep step = m_step_guarded(p_.execution, moments, p_.options.kind(), constraints, sum_about, recentred);
  const int iteration = state_.n_iter + 1;
  if (recentred) {
    ++state_.n_recentred;
    p_.observer.recentred(state_.restart, iteration);
  }
  require_rows(p_, step, iteration);
  require_no_collapse(p_, step.collapsed, iteration);
  reseed(step, iteration);
  return std::move(step.model);
}

/// Puts collapsed components at the rows that are explained worst.
void Loop::reseed(MStep& step, int iteration) {
  const std::vector<Reseed> reseeds =
      treat_collapse(p_.execution, p_.data, p_.moments, p_.regularisation, state_.model, state_.restart,
                     iteration, n_reseeds_left(p_, state_), step);
  note_reseeds(p_, state_, reseeds);
  state_.just_reseeded = !reseeds.empty();
}

/// Further on the way that the M-step has gone, if the fit is accelerated and the path is smooth here.
Mixture Loop::extrapolate(Mixture model) {
  if (!own_.accelerated) return model;
  if (state_.just_reseeded || model.floored != state_.model.floored) {
    own_.acceleration = {};  // the path begins anew
    return model;
  }
  Stopwatch watch;
  model = accelerate(p_.execution, state_, own_.acceleration, std::move(model),
                     p_.options.tol * p_.data.summary().total_weight, p_.regularisation.floor);
  if (p_.execution.profile) p_.execution.profile->add(Profile::m_step, watch.lap());
  return model;
}

void Loop::advance(Mixture next) {
  if (p_.options.trace_bound) own_.previous = std::move(state_.model);
  state_.model = std::move(next);
  ++state_.n_iter;
}

}  // namespace

std::vector<StateField> EmState::fields() {
  std::vector<StateField> fields{{"previous", "", &previous}};
  if (accelerated)
    for (StateField& field : acceleration.fields()) fields.push_back(std::move(field));
  return fields;
}

EngineState EmLoop::state(const FitOptions& options) const {
  EmState own;
  own.accelerated = options.accelerate != Acceleration::none;
  return own;
}

void EmLoop::run(const Problem& problem, FitState& state) const {
  Loop(*this, problem, state).run();
}

}  // namespace gmmpi
