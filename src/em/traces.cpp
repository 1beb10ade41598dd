// Which traces a fit keeps, and their last values.
#include "gmmpi/em/traces.hpp"

#include <limits>

#include "gmmpi/em/fit.hpp"

namespace gmmpi {

std::vector<TraceKind> trace_kinds(const FitOptions& options) {
  std::vector<TraceKind> kinds = options.engine->traces();
  if (options.prior) kinds.push_back({.name = "log_posterior", .is_log_likelihood = true});
  if (options.trace_bound) {
    kinds.push_back({.name = "elbo", .in_digest = false, .is_log_likelihood = true});
    kinds.push_back({.name = "kl", .in_digest = false});
    kinds.push_back({.name = "parameter_change", .in_digest = false});
  }
  return kinds;
}

double FitObserver::Iteration::value(std::string_view name) const {
  if (name == kLogLikelihood) return log_likelihood;
  for (const Value& trace : traces)
    if (trace.kind.name == name) return trace.value;
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace gmmpi
