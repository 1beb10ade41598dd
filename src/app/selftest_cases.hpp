// The fits of `gmmpi selftest`: drawn rows, options, and the digests that they must have on every machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gmmpi/em/fit.hpp"

namespace gmmpi::app {

/// A mixture of `n_components`, rows drawn from it, and what is done to them.
struct SelfTestRows {
  int n_components, n_features;
  Index n_rows;
  const CovarianceStructure* structure;  ///< of the drawn mixture, and of the fit
  bool binary = false;                   ///< zeros and ones: whether numbers are positive
  bool weighted = false, gaps = false, errors = false;
};

struct SelfTestCase {
  std::string name;
  SelfTestRows rows;
  std::function<void(FitOptions&)> choose{};  ///< what differs from `gmmpi fit --tol 0 --max-iter 8`
  int n_principal_components = 0;             ///< that rows are projected to, and whitened; 0: they are not
};

/// One for each structure, kind of components and engine that is registered, and more.
const std::vector<SelfTestCase>& selftest_cases();
/// That of the case of this name on every machine; "" if there is no record.
std::string recorded_digest(const std::string& name);

/// Collective. The digest that the fit has here; rows are held in memory, or streamed.
std::string digest_of_case(const Execution& execution, const SelfTestCase& test, bool streamed);

}  // namespace gmmpi::app
