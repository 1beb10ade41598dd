// What a fit keeps of every iteration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gmmpi {

/// The name of FitResult::history, in /history and in logs.
inline constexpr std::string_view kLogLikelihood = "log_likelihood";

/// A number that some fits keep of every iteration, besides the log-likelihood.
struct TraceKind {
  std::string_view name;           ///< in /history and in logs
  bool in_digest = true;           ///< of the model file
  bool is_log_likelihood = false;  ///< a total one, which depends on the units of the data as that does
};

/// Values of every iteration, by the name of their kind.
class Traces {
 public:
  /// Empty if there are none.
  const std::vector<double>& operator[](std::string_view name) const {
    static const std::vector<double> none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
  }
  std::vector<double>& operator[](std::string_view name) {
    const auto found = values_.find(name);
    return found == values_.end() ? values_[std::string(name)] : found->second;
  }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }

 private:
  std::map<std::string, std::vector<double>, std::less<>> values_;
};

}  // namespace gmmpi
