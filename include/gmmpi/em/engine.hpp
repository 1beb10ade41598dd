// Engines: how sweeps over the rows become parameters.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gmmpi/em/listed.hpp"
#include "gmmpi/em/traces.hpp"

namespace gmmpi {

struct FitOptions;
struct FitState;
struct Problem;

using EngineOptions = Listed<OptionField>;
using EngineState = Listed<StateField>;

/// An engine is one file in src/em/engines and one line in registry.cpp. Whatever depends on which one it is
/// is asked of it.
class Engine {
 public:
  /// What it knows besides rows, weights, starts and restarts; the rest is refused.
  struct Abilities {
    bool constraints = false;     ///< labels, a prior, fixed parameters
    bool noise = false;           ///< a uniform component
    bool own_parameters = false;  ///< components that have some besides mean and covariance
    bool short_runs = false;      ///< restarts of which the best goes on
    bool acceleration = false;    ///< steps beyond the M-step
    bool bound = false;           ///< elbo, kl, parameter_change
    bool gaps = false;            ///< rows that lack values
    bool errors = false;          ///< rows that were measured with errors
  };
  /// What restarts are compared by: the last entry of that history or trace.
  struct Objective {
    std::string_view trace = kLogLikelihood;
    bool is_lowered = false;
  };
  /// What is shown of an iteration: that history or trace, and the heads of its columns.
  struct Progress {
    std::string_view trace = kLogLikelihood, head = "log-likelihood", change_head = "change per row";
  };

  virtual ~Engine() = default;
  /// As --engine and files name it.
  virtual std::string_view name() const = 0;
  /// What it does, in a line of help.
  virtual std::string_view summary() const = 0;

  virtual Abilities abilities() const { return {}; }
  virtual Objective objective() const { return {}; }
  virtual Progress progress() const { return {}; }
  /// The traces that it fills.
  virtual std::vector<TraceKind> traces() const { return {}; }
  /// True if it begins with centres, FitState::centers, and assigns rows to the nearest: distances count.
  virtual bool parameters_are_means() const { return false; }
  /// True if an iteration is a pass over the rows, and the passes that are asked for are done, whether it
  /// converges or not.
  virtual bool works_in_passes() const { return false; }
  /// What --max-iter auto stands for.
  virtual int usual_max_iter() const { return 1000; }
  /// The one to use on a small sample of the rows.
  virtual const Engine& on_few_rows() const { return *this; }

  /// Its own options, at their defaults; they count in digests. FitOptions::engine_options holds others.
  virtual EngineOptions options() const { return {}; }
  /// Error 64 if its own options are out of range.
  virtual void check(const FitOptions& /*options*/) const {}
  /// What it must know to go on from a safe point, besides what all engines do, as a restart begins.
  virtual EngineState state(const FitOptions& /*options*/) const { return {}; }

  /// Collective. From state.model (state.centers where parameters_are_means), or wherever a safe point was
  /// left, to the end of the restart: model and histories. Calls the observer before each pass. Errors: as
  /// fit.
  virtual void run(const Problem& problem, FitState& state) const = 0;
};

/// All of them; the first is the default.
const std::vector<const Engine*>& engines();
const Engine& default_engine();
/// Error 64 naming those that exist.
const Engine& find_engine(std::string_view name);
/// The names of those of which that is true: "em or hard".
std::string engines_that(const std::function<bool(const Engine&)>& is_true,
                         std::string_view between = " or ");

}  // namespace gmmpi
