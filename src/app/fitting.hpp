// What the commands that fit share: options, memory, what a run says of itself.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/inputs.hpp"
#include "app/options.hpp"
#include "app/run_log.hpp"
#include "gmmpi/em/fit.hpp"
#include "gmmpi/error.hpp"
#include "gmmpi/io/model_file.hpp"

namespace gmmpi::app {

inline constexpr int kMostComponents = 1'000'000;

/// Everything of a fit but the number of components, the structure and the start model, of which only the
/// name is set. Error 64.
void set_fit_options(const Options& options, FitOptions& f);

/// Whether --init-labels is given. Error 64 if one of `others` is, too.
bool starts_from_labels(const Options& options, std::initializer_list<const char*> others);

/// The model file that --init names, if it names one.
std::optional<std::string> start_path(const Options& options);

/// What --dof asks of these components. Error 64 if they have no degrees of freedom.
OwnOptions own_options(const Options& options, const Component& component);

/// What --family names. Error 64 if a covariance type is given for components without covariances.
const Component& component_of(const Options& options);

/// That of --covariance-type: scikit-learn's four names, or mclust's letters. Error 64.
const CovarianceStructure& structure_named(const std::string& name);

/// All of it but the start model, for one number of components and one structure.
FitOptions fit_options(const Options& options);

/// A model without parameters, to count them.
Mixture model_shape(const FitOptions& f, int n_features);

/// Per rank, besides data and program: the sweep's scratch, and what a start keeps for each row.
std::int64_t working_bytes(const Execution& execution, const FitOptions& f, const OpenedData& data);

/// Warnings about too few processors and slow kernels.
void warn_of_machine(const Execution& execution, RunLog& log);

/// What may differ from run to run: host, date, ranks, threads, ...
std::map<std::string, std::string> runtime_facts(const Execution& execution, double seconds);

/// Every resolved option as text, named as in a model file.
std::map<std::string, std::string> resolved_options(const Options& options, const FitOptions& f);

/// What makes log-likelihoods of transformed rows those of the rows before the transform.
double log_likelihood_offset(const Execution& execution, const FitOptions& f, const DataSummary& data);

/// Adds it to all log-likelihoods of the fit, and lets its model know the transform's volume.
void to_units_of_the_file(const Execution& execution, const FitOptions& f, const DataSummary& data,
                          FitResult& result);

/// Collective. True if --output is already what this `what` (fit, selection) would write, as `is_this` says;
/// then `show` is called on the root. An existing output that is something else is an Error 73, unless
/// --force is given.
bool already_done(const Execution& execution, const Options& options, const std::string& what,
                  const std::function<bool(const ExistingModel&)>& is_this,
                  const std::function<void(const ExistingModel&)>& show, RunLog& log);

/// What `action` returns. An error 75 of it says that nothing is lost.
template <class Action>
auto before_computing(const Action& action) {
  try {
    return action();
  } catch (const Error& e) {
    if (e.code() != ExitCode::stopped_early) throw;
    throw Error(e.code(),
                std::string(e.what()) + ": nothing new was computed yet; run the same command again");
  }
}

/// Collective. Reads the data. Error 75 says that nothing is lost.
std::unique_ptr<Data> read_or_stop(const Execution& execution, const OpenedData& inputs,
                                   const MemoryPlan& plan, RunLog& log);

}  // namespace gmmpi::app
