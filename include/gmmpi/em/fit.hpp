// Fitting a mixture by Expectation-Maximisation.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmmpi/data/data.hpp"
#include "gmmpi/data/row_labels.hpp"
#include "gmmpi/data/transform.hpp"
#include "gmmpi/model/mixture.hpp"
#include "gmmpi/model/prior.hpp"
#include "gmmpi/parallel/execution.hpp"

namespace gmmpi {

enum class Init { kmeans, kmeans_plusplus, random, random_from_data, model, labels };

/// How the M-steps' path is shortened: not at all, or by quasi-Newton steps (limited-memory BFGS).
enum class Acceleration { none, lbfgs };

/// How sweeps become parameters: EM; classification EM, which assigns each row wholly to its most responsible
/// component (Celeux & Govaert 1992); k-means, which assigns it to the nearest mean (Lloyd 1982); stepwise
/// EM, with an M-step after every mini-batch (Cappe & Moulines 2009); sequential means, which every row moves
/// at once (MacQueen 1967), or every mini-batch (Sculley 2010).
enum class Engine { em, hard, kmeans, stepwise, sequential };

/// Those whose parameters are means, and that lower the inertia.
inline bool is_kmeans(Engine engine) {
  return engine == Engine::kmeans || engine == Engine::sequential;
}

/// Those that do the passes that they are asked for, whether they converge or not.
inline bool works_in_passes(Engine engine) {
  return engine == Engine::stepwise || engine == Engine::sequential;
}

/// "em", "hard", ...
std::string engine_name(Engine engine);

/// Parameters that stay what they are in the start.
struct FixedParameters {
  bool weights = false, means = false, covariances = false;

  bool any() const { return weights || means || covariances; }
  /// Of a mixture of this shape, those that are fitted.
  std::int64_t n_free(const Mixture& mixture) const;
  bool operator==(const FixedParameters&) const = default;
};

/// A uniform noise component beside the others: p(x) = w_0 / V + sum_k w_k N(x | k).
struct NoiseOptions {
  double weight = 0.05;                  ///< w_0 of the start, in (0, 1), unless the start has noise itself
  std::optional<double> volume;          ///< V; none: that of the box
  std::vector<double> minimum, maximum;  ///< (d) the box; empty: the smallest that holds all rows

  bool operator==(const NoiseOptions&) const = default;
};

/// What a fit's numbers depend on, besides the data.
struct FitOptions {
  int n_components = 1;
  const Component* component = &find_component("gaussian");
  const CovarianceStructure* structure = nullptr;
  Engine engine = Engine::em;
  Init init = Init::kmeans;
  std::optional<Mixture> start;                ///< for Init::model; K and d must be those of the fit
  /// For Init::labels: where the rows are wholly in the first M-step; those without a label count in no component.
  std::shared_ptr<const RowLabels> init_labels;
  std::string start_name = "the start model";  ///< for messages
  int lloyd_iterations = 300;                  ///< Init::kmeans: most sweeps from its seeds
  int n_init = 1;                              ///< restarts; the one of highest objective is kept
  /// Most M-steps of a restart, of which only the best goes on, to max_iter (emEM: Biernacki, Celeux &
  /// Govaert 2003); 0: all of them do.
  int short_runs = 0;
  double tol = 1e-6;    ///< absolute change of the mean log-likelihood; 0: never converged. Engine::kmeans,
                        ///< sequential: relative change of the inertia; 0: until no centre moves
  int max_iter = 1000;  ///< M-steps per restart; Engine::stepwise, sequential: passes over the data
  /// Added to every variance. None: nothing is, but no variance falls, in any direction, below 1e-12 of the
  /// column's variance over all rows; components there are marked (Mixture::floored).
  std::optional<double> reg_covar;
  std::uint64_t seed = 0;
  bool fail_on_collapse = false;  ///< Error 79 instead of reseeding
  bool skip = true;  ///< responsibilities below 2^-64 of the row's largest are exactly zero, and cost nothing
  Acceleration accelerate = Acceleration::none;
  int n_batches = 64;  ///< Engine::stepwise, sequential: mini-batches of a pass, at most one per
                       ///< block; 0 (sequential): none, rows move the means one by one
  /// Engine::stepwise: a of the steps (t + 2)^-a, in (0.5, 1]; none: long ones, and a last pass that averages
  std::optional<double> step_exponent;
  bool trace_bound = false;  ///< Engine::em: fills elbo, kl and parameter_change; costs a pass per iteration
  Transform transform;  ///< that the rows went through before they came; the fit itself does not look at it
  std::shared_ptr<const RowLabels> labels;  ///< known classes: component k is class k; null: none
  std::optional<PriorOptions> prior;        ///< none: maximum likelihood; else MAP
  FixedParameters fixed{};
  bool relative_weights = false;  ///< the weights were scaled before they came; the fit does not look at it
  OwnOptions own{};                   ///< of components that have a parameter of their own
  std::optional<NoiseOptions> noise;  ///< Engine::em and hard, Gaussian components

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

/// What some fits keep of every iteration, besides the log-likelihood; empty where they do not.
struct Traces {
  std::vector<double> inertia;  ///< is_kmeans: weighted squared distances to the nearest centre, summed
  /// Engine::stepwise, of each pass: total log-likelihood, of each row under the parameters that it met.
  std::vector<double> running_log_likelihood;
  std::vector<double> log_posterior;  ///< with a prior: what the engine raises, plus ln p(parameters)
  /// With trace_bound, of the parameters after i M-steps and the responsibilities of those before; entry 0,
  /// which has none before, is NaN. Bishop (2006), eq. 9.70-9.72.
  std::vector<double> elbo, kl;
  std::vector<double> parameter_change;  ///< likewise: from those before, in widths (docs/maths/engines.md)
};

struct FitResult {
  Mixture model;
  std::vector<double> history;  ///< total log-likelihood of the parameters after 0, 1, ..., n_iter M-steps;
                                ///< is_kmeans and stepwise: of the final ones only
  std::vector<double> classification;  ///< Engine::hard: total classification log-likelihoods likewise
  bool converged = false;
  int n_iter = 0;
  int best_restart = 0;
  std::vector<double> restart_log_likelihoods;
  std::vector<Reseed> reseeds;    ///< of all restarts
  int n_recentred = 0;            ///< iterations that needed a second sweep (all restarts)
  int n_rejected = 0;             ///< extrapolations that were taken back (all restarts)
  std::int64_t n_sweeps = 0;      ///< of EM, second ones and those of rejected models included (all restarts)
  std::vector<double> reg_covar;       ///< (d) what was added to each column's variances
  std::vector<double> variance_floor;  ///< (d) the least they could be; empty: there was no limit
  std::vector<double> seconds;    ///< of each iteration of the kept restart
  Traces traces;                  ///< of the kept restart

  std::optional<Prior> prior;  ///< as it was used

  double log_likelihood() const { return history.back(); }
};

/// What an accelerated fit remembers of its path (src/em/accelerate.hpp). Vectors are local coordinates at
/// the parameters where they began (src/model/local_coordinates.hpp).
struct AccelerationState {
  std::vector<std::vector<double>> steps;      ///< the last ones, oldest first
  std::vector<std::vector<double>> decreases;  ///< EM's step before each of them minus the one after it
  std::vector<double> step;     ///< the one to the parameters of the next sweep; empty: no step led there
  std::vector<double> em_step;  ///< EM's from where it began
  double radius = 0.0;          ///< longest step that is trusted, in widths; 0: not set yet
  bool extrapolated = false;    ///< the parameters of the next sweep are, and may be rejected
  double width = 0.0;           ///< if so: of `step`
  Mixture em_model;             ///< if so: EM's own, to go on with when they are rejected
};

/// Everything that the numbers of an unfinished fit still depend on, besides data and options: what a
/// checkpoint holds. Taken at the start of a sweep; a fit continued from it gives the same bits.
struct FitState {
  enum class Phase { seeding, lloyd, em };  ///< em: the iterations of the engine
  int restart = 0;
  Phase phase = Phase::seeding;
  std::vector<double> centers;         ///< seeding: those drawn so far; lloyd, is_kmeans: of the next sweep
  int seeding_rounds = 0;              ///< of k-means||; until it is done, `centers` are its candidates
  int lloyd_iterations = 0;            ///< done so far, from the seeds
  Mixture model;                       ///< em: the parameters of the next sweep
  Mixture previous;                    ///< trace_bound, and n_iter > 0: those before them
  std::vector<double> history;         ///< em: of the parameters before those
  std::vector<double> classification;  ///< Engine::hard: likewise
  std::vector<double> seconds;
  Traces traces;
  std::vector<Reseed> reseeds;  ///< of this restart
  int n_iter = 0, n_recentred = 0, n_rejected = 0;
  std::int64_t n_sweeps = 0;
  AccelerationState acceleration;
  std::vector<double>
      running_sums;                 ///< Engine::stepwise: moments about the means of `model`; empty: its own.
                                    ///< Engine::sequential: (K) weight of the rows that moved each centre
  std::int64_t n_batches_done = 0;  ///< or blocks, where rows are taken one by one
  double pass_log_likelihood = 0.0;  ///< of the mini-batches of the present pass
  bool just_reseeded = false;
  bool converged = false;
  FitResult best;  ///< of the restarts done; empty history: none yet
};

/// Is told how a fit goes; called on every rank with the same values (times apart). Cannot change the fit.
class FitObserver {
 public:
  struct Iteration {
    int restart, iteration;  ///< iteration: M-steps done
    double log_likelihood;   ///< total, of the parameters after them; is_kmeans, stepwise: NaN
    double change;           ///< of what `tol` is compared with; NaN at iteration 0
    double seconds;
    static constexpr double none = std::numeric_limits<double>::quiet_NaN();
    double inertia = none;                                   ///< is_kmeans only
    double running_log_likelihood = none;                    ///< Engine::stepwise only
    double elbo = none, kl = none, parameter_change = none;  ///< with trace_bound; NaN at iteration 0
    double log_posterior = none;                             ///< with a prior
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
