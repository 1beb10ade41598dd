// Fitting a mixture by Expectation-Maximisation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/data/transform.hpp"
#include "gmmpi/em/engine.hpp"
#include "gmmpi/em/listed.hpp"
#include "gmmpi/em/traces.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prior.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

enum class Init { kmeans, kmeans_plusplus, random, random_from_data, model, labels };

/// How the M-steps' path is shortened: not at all, or by quasi-Newton steps (limited-memory BFGS).
enum class Acceleration { none, lbfgs };

/// Parameters that stay what they are in the start.
struct FixedParameters {
  bool weights = false, means = false, covariances = false;

  bool any() const { return weights || means || covariances; }
  /// Of a mixture of this shape, those that are fitted.
  std::int64_t n_free(const Mixture& mixture) const;
  bool operator==(const FixedParameters&) const = default;
};

/// What a fit's numbers depend on, besides the data.
struct FitOptions {
  int n_components = 1;
  const Component* component = &find_component("gaussian");
  const CovarianceStructure* structure = nullptr;
  const Engine* engine = &default_engine();
  EngineOptions engine_options;  ///< its own, such as StepwiseOptions; none: at their defaults
  Init init = Init::kmeans;
  std::optional<Mixture> start;  ///< for Init::model; K and d must be those of the fit
  /// For Init::labels: where the rows are wholly in the first M-step; those without a label count in no
  /// component.
  std::shared_ptr<const RowLabels> init_labels;
  std::string start_name = "the start model";  ///< for messages
  int lloyd_iterations = 300;                  ///< Init::kmeans: most sweeps from its seeds
  int n_init = 1;                              ///< restarts; the one of highest objective is kept
  /// Most M-steps of a restart, of which only the best goes on, to max_iter (emEM: Biernacki, Celeux &
  /// Govaert 2003); 0: all of them do.
  int short_runs = 0;
  /// Absolute change of the mean log-likelihood; 0: never converged. Of an engine of means: relative change
  /// of the inertia; 0: until no centre moves.
  double tol = 1e-6;
  int max_iter = 1000;  ///< M-steps per restart; of an engine that works in passes, passes over the data
  /// Added to every variance. None: nothing is, but no variance falls, in any direction, below 1e-12 of the
  /// column's variance over all rows; components there are marked (Mixture::floored).
  std::optional<double> reg_covar;
  std::uint64_t seed = 0;
  bool fail_on_collapse = false;  ///< Error 79 instead of reseeding
  bool skip = true;  ///< responsibilities below 2^-64 of the row's largest are exactly zero, and cost nothing
  Acceleration accelerate = Acceleration::none;
  bool trace_bound = false;  ///< fills elbo, kl and parameter_change; costs a pass per iteration
  Transform transform;  ///< that the rows went through before they came; the fit itself does not look at it
  std::shared_ptr<const RowLabels> labels;  ///< known classes: component k is class k; null: none
  std::optional<PriorOptions> prior;        ///< none: maximum likelihood; else MAP
  FixedParameters fixed{};
  bool relative_weights = false;  ///< the weights were scaled before they came; the fit does not look at it
  OwnOptions own{};               ///< of components that have a parameter of their own
  std::optional<NoiseOptions> noise;  ///< of Gaussian components

  Kind kind() const { return {*structure, *component, own}; }
  /// Restarts, and the run that goes on with the best short one.
  int n_runs() const { return n_init + (short_runs > 0 ? 1 : 0); }
  bool is_short(int restart) const { return short_runs > 0 && restart < n_init; }
};

/// A component that lost its rows or whose covariance was singular, put at the worst explained row.
struct Reseed {
  int restart, iteration, component;  ///< iteration: the M-step in which it happened
  Index row;
};

/// What fits with these options keep of every iteration: the engine's traces; with a prior `log_posterior`,
/// the objective plus ln p(parameters); with trace_bound `elbo`, `kl` and `parameter_change`, of the
/// parameters after i M-steps and the responsibilities of those before, of which entry 0, which has none
/// before, is NaN (Bishop 2006, eq. 9.70-9.72; docs/maths/engines.md).
std::vector<TraceKind> trace_kinds(const FitOptions& options);

/// Where a restart has come to.
struct Path {
  Mixture model;
  std::vector<double> history;  ///< total log-likelihood of the parameters after 0, 1, ..., n_iter M-steps;
                                ///< of engines that do not compute it, of the final ones only
  Traces traces;
  std::vector<double> seconds;  ///< of each iteration
  int n_iter = 0;
  bool converged = false;
  /// -sum of weight times ln max_k responsibility, of the model, if its sweep has told; rows of a known class
  /// add nothing. In no file: whoever needs it and has it not makes a pass.
  std::optional<double> map_entropy{};

  /// The history of that name, or the trace.
  const std::vector<double>& values(std::string_view name) const {
    return name == kLogLikelihood ? history : traces[name];
  }
};

/// What restarts have cost, and what befell them.
struct Effort {
  std::vector<Reseed> reseeds;
  int n_recentred = 0;        ///< iterations that needed a second sweep
  int n_rejected = 0;         ///< extrapolations that were taken back
  std::int64_t n_sweeps = 0;  ///< of EM, second ones and those of rejected models included

  Effort& operator+=(const Effort& other);
};

/// The path of the kept restart, and the effort of all.
struct FitResult : Path, Effort {
  int best_restart = 0;
  std::vector<double> restart_log_likelihoods;
  std::vector<double> reg_covar;       ///< (d) what was added to each column's variances
  std::vector<double> variance_floor;  ///< (d) the least they could be; empty: there was no limit

  std::optional<Prior> prior;  ///< as it was used

  double log_likelihood() const { return history.back(); }
};

/// Where a restart is: in its start, drawing seeds or doing k-means; or in the iterations of the engine.
enum class FitPhase : int { seeding, lloyd, em };

/// Everything that the numbers of an unfinished fit still depend on, besides data and options: what a
/// checkpoint holds. Taken at the start of a sweep; a fit continued from it gives the same bits. The path is
/// that of the present restart: `model` enters the next sweep, the histories are of those before it.
struct FitState : Path, Effort {
  using Phase = FitPhase;
  int restart = 0;
  Phase phase = Phase::seeding;
  std::vector<double> centers;  ///< seeding: those drawn so far; lloyd, engines of means: of the next sweep
  int seeding_rounds = 0;       ///< of k-means||; until it is done, `centers` are its candidates
  int lloyd_iterations = 0;     ///< done so far, from the seeds
  bool just_reseeded = false;
  EngineState engine;  ///< its own; none: as a restart begins
  FitResult best;      ///< of the restarts done; empty history: none yet
};

/// Is told how a fit goes; called on every rank with the same values (times apart). Cannot change the fit.
class FitObserver {
 public:
  struct Iteration {
    int restart, iteration;  ///< iteration: M-steps done
    double log_likelihood;  ///< total, of the parameters after them; NaN where the engine does not compute it
    double change;          ///< of what `tol` is compared with; NaN at iteration 0
    double seconds;
    struct Value {
      TraceKind kind;
      double value;
    };
    std::vector<Value> traces{};  ///< the last entry of each, NaN where there is none

    /// The log-likelihood, or the trace of that name.
    double value(std::string_view name) const;
  };
  virtual ~FitObserver() = default;
  /// The fit can be continued from here. Called before each pass of a long phase.
  virtual void safe_point(const FitState&) {}
  virtual void restart_begins(int /*restart*/) {}
  virtual void started(const std::string& /*how*/) {}
  virtual void iteration(const Iteration&) {}
  virtual void reseeded(const Reseed&) {}
  virtual void recentred(int /*restart*/, int /*iteration*/) {}
  /// The extrapolation of this iteration lowered the log-likelihood to this: EM's own M-step takes its place.
  virtual void rejected(int /*restart*/, int /*iteration*/, double /*log_likelihood*/) {}
  virtual void restart_ended(int /*restart*/, bool /*converged*/, double /*log_likelihood*/) {}
};

/// Collective. Throws what `fit` would throw before it computes: Error 64 options out of range; 65 a start of
/// another shape, more components than rows, or than distinct rows. `name` names the data in messages.
void validate_fit(const Execution& execution, const Data& data, const FitOptions& options,
                  const std::string& name);

/// Collective. Errors: those of validate_fit; 79 collapse where that
/// is to fail, or a start or a model of which no component is positive definite; 75 asked to stop (by
/// execution.stop): the last safe point is where to continue from, by passing it as `resume`.
FitResult fit(const Execution& execution, const Data& data, const FitOptions& options, FitObserver& observer,
              const FitState* resume = nullptr);

}  // namespace gmmpi
