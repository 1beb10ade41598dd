// What a fit refuses before it computes: options out of range, that do not go together, or not with the data.
#include <cmath>

#include "data/binary.hpp"
#include "data/summary.hpp"
#include "em/noise.hpp"
#include "gmmpi/data/memory_data.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"

namespace gmmpi {

namespace {

void require(bool condition, const std::string& message, ExitCode code = ExitCode::usage) {
  if (!condition) throw Error(code, message);
}

void require_ranges(const FitOptions& o) {
  require(o.structure != nullptr, "no covariance type given");
  require(o.engine != nullptr, "no engine given");
  require(o.n_components >= 1, "`n_components` must be at least 1");
  require(o.n_init >= 1, "`n_init` must be at least 1");
  require(o.short_runs >= 0, "`short_runs` must not be negative");
  require(o.max_iter >= 0, "`max_iter` must not be negative");
  require(o.tol >= 0.0, "`tol` must not be negative");
  require(!o.reg_covar || (*o.reg_covar >= 0.0 && std::isfinite(*o.reg_covar)),
          "`reg_covar` must be a finite number >= 0, or auto");
}

/// What this engine cannot do, and its own options.
void require_able_engine(const FitOptions& o) {
  const Engine& engine = *o.engine;
  const auto those_with = [](bool Engine::Abilities::*ability) {
    return engines_that([&](const Engine& one) { return one.abilities().*ability; });
  };
  const Engine::Abilities can = engine.abilities();
  require(o.short_runs == 0 || (can.short_runs && !o.trace_bound),
          "`short_runs` is for `engine` " + those_with(&Engine::Abilities::short_runs) +
              " without `trace` elbo; leave one of them out");
  require(can.acceleration || o.accelerate == Acceleration::none,
          "`accelerate` is for `engine` " + those_with(&Engine::Abilities::acceleration) +
              "; leave one of them out");
  require(can.bound || !o.trace_bound, "`trace` elbo is for `engine` " +
                                           those_with(&Engine::Abilities::bound) + "; leave one of them out");
  require(can.constraints || (!o.labels && !o.prior && !o.fixed.any()),
          "`engine` " + std::string(engine.name()) +
              " knows no `labels`, `prior` or `fix`; leave them out, or choose `engine` " +
              those_with(&Engine::Abilities::constraints));
  require(can.noise || !o.noise, "`engine` " + std::string(engine.name()) +
                                     " knows no `noise`; leave it out, or choose `engine` " +
                                     those_with(&Engine::Abilities::noise));
  require(
      !o.engine_options.has_value() || o.engine_options.is_of_type_of(engine.options()),
      "`engine` " + std::string(engine.name()) + " was given the options of another engine; give its own");
  engine.check(o);
}

void require_fitting_labels(const FitOptions& o) {
  if (!o.labels) return;
  require(o.labels->n_classes() == o.n_components,
          "`labels` and `n_components` do not agree; read the labels for as many classes");
  require(o.init != Init::random && o.init != Init::random_from_data,
          "`init` random and random-from-data take no notice of `labels`; leave `init` out, or give a model");
  if (o.init == Init::model && o.start)
    for (int k = 0; k < std::min(o.labels->n_classes(), o.start->n_components); ++k)
      require(o.labels->n_rows(k) == 0 || o.start->weights[k] > 0.0,
              o.start_name + ": component " + std::to_string(k) + " has weight 0, but " +
                  std::to_string(o.labels->n_rows(k)) +
                  " rows are labelled as its own; give another start, or other labels");
  require(!o.trace_bound, "`trace` elbo takes no notice of `labels`; leave one of them out");
}

/// Prior and fixed parameters.
void require_proper_constraints(const FitOptions& o, int n_columns) {
  if (o.prior) validate_prior(*o.prior, o.kind(), n_columns);
  const bool plain = o.accelerate == Acceleration::none;
  require(plain || !o.prior,
          "`accelerate` raises the log-likelihood, not what `prior` makes of it; leave one of them out");
  require(plain || o.structure->extrapolates(),
          "`accelerate` would not leave " + std::string(o.structure->name()) +
              " covariances of that type; leave it out, or choose another `covariance_type`");
  require(plain || !o.fixed.any(), "`accelerate` moves all parameters; leave out `accelerate` or `fix`");
  require(!o.fixed.covariances || o.component->has_covariances(),
          "`fix` covariances: Bernoulli components have none; fix weights or means");
  const bool has_free_own = !o.component->own_name().empty() && o.own.sharing != Sharing::fixed;
  require(!(o.fixed.weights && o.fixed.means && (o.fixed.covariances || !o.component->has_covariances())) ||
              has_free_own,
          "`fix` leaves nothing to fit; use gmmpi score, or fix less");
}

/// What this kind of components does not go with.
void require_able_components(const FitOptions& o) {
  const std::string family =
      " is not for `family` " + std::string(o.component->name()) + "; leave one of them out";
  require(o.engine->abilities().own_parameters || o.component->own_name().empty(),
          "`engine` " + std::string(o.engine->name()) + family);
  require(o.accelerate == Acceleration::none || o.component->has_local_coordinates(),
          "`accelerate`" + family);
  require(!o.trace_bound || o.component->has_local_coordinates(), "`trace` elbo" + family);
  if (o.own.sharing == Sharing::fixed) o.component->validate_own(o.own.value);
}

void require_fitting_start(const FitOptions& o, int n_columns, const std::string& name) {
  if (o.init == Init::labels) {
    require(o.init_labels && o.init_labels->n_classes() == o.n_components,
            "`init_labels` and `n_components` do not agree; read the labels for as many components");
    require(!o.labels,
            "`init_labels` and `labels` both say where rows are in the start; leave one of them out");
    o.init_labels->require_rows_of_each_class();
  }
  if (o.init != Init::model) return;
  require(o.start.has_value(), "no start model given");
  // Covariances become scale matrices, and the other way round.
  require(o.start->component == o.component ||
              (o.start->component->has_covariances() && o.component->has_covariances()),
          o.start_name + ": is a " + std::string(o.start->component->name()) + " mixture, not a " +
              std::string(o.component->name()) + " one; give another start or `family`");
  const int K = o.start->n_components, d = o.start->n_features;
  require(d == n_columns,
          o.start_name + ": has " + std::to_string(d) + " columns, " + name + " has " +
              std::to_string(n_columns) + "; give a start for these data",
          ExitCode::bad_data);
  require(K == o.n_components,
          o.start_name + ": has " + std::to_string(K) + " components, not " + std::to_string(o.n_components) +
              "; give `n_components` " + std::to_string(K) + " or another start",
          ExitCode::bad_data);
}

/// What does not go with rows that lack values.
void require_able_with_gaps(const FitOptions& o, const Data& data) {
  if (!data.summary().has_gaps()) return;
  require(o.engine->abilities().gaps, "`engine` " + std::string(o.engine->name()) +
                                          " needs complete rows; give `missing` drop, or choose `engine` " +
                                          engines_that([](const Engine& e) { return e.abilities().gaps; }));
  require(!o.trace_bound, "`trace` elbo needs complete rows; leave it out, or give `missing` drop");
}

/// What does not go with rows that were measured with errors.
void require_able_with_errors(const FitOptions& o, const Data& data) {
  if (!data.summary().has_errors) return;
  const auto able = [](const Engine& e) { return e.abilities().errors; };
  require(o.engine->abilities().errors,
          "`errors`: `engine` " + std::string(o.engine->name()) +
              " does not know errors of rows; leave them out, or choose `engine` " + engines_that(able));
  require(o.component->has_rowwise_density(), "`errors`: are known to Gaussian components, not to " +
                                                  std::string(o.component->title()) +
                                                  " ones; leave them out, or choose `family` gaussian");
  require(!o.trace_bound, "`trace` elbo needs rows without errors; leave it or `errors` out");
  require(o.transform.empty(),
          "`errors`: are those of the columns as they are; leave out what transforms these");
}

/// Collective.
void require_enough_rows(const Execution& execution, const Data& data, const FitOptions& o,
                         const std::string& name) {
  const std::string wanted = name + ": `n_components` " + std::to_string(o.n_components) + " components";
  const Index n_rows = data.summary().n_rows;
  require(o.n_components <= n_rows,
          wanted + " for " + std::to_string(n_rows) +
              (n_rows < data.grid().n_rows() ? " rows of positive weight" : " rows") +
              "; choose a smaller `n_components`",
          ExitCode::bad_data);
  require_values(data.summary(), name);
  require_squares(data.summary(), name);
  if (o.component->is_binary()) require_binary(execution, data, name);
  require(has_distinct_rows(execution, data, o.n_components),
          wanted + ", but fewer distinct rows; choose a smaller `n_components`", ExitCode::bad_data);
}

}  // namespace

void validate_fit(const Execution& execution, const Data& data, const FitOptions& options,
                  const std::string& name) {
  require_ranges(options);
  require_able_engine(options);
  require_able_components(options);
  require_able_with_gaps(options, data);
  require_able_with_errors(options, data);
  require_fitting_labels(options);
  require_proper_constraints(options, data.n_columns());
  validate_noise(options, data, name);
  require_fitting_start(options, data.n_columns(), name);
  require_enough_rows(execution, data, options, name);
}

}  // namespace gmmpi
