// A cohort: the candidates of one number of components, fitted to the same rows, and the starts they share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gmmpi/inference/select.hpp"

namespace gmmpi {

/// What became of a candidate on these rows.
struct CohortFit {
  FitOptions options;  ///< of the fit that was kept
  FitResult result;
  std::optional<Error> failure;                       ///< of its own starts; then there is no result
  std::string degenerate;                             ///< why; empty: it is not
  const CovarianceStructure* started_from = nullptr;  ///< as in Candidate
  std::uint64_t seed = 0;
};

/// Collective. The fits of the k-th number of components to `data`, one for each structure, in their order:
/// to all rows (j = 0) or to those outside of fold j - 1, with the labels that are of them. Each candidate's
/// own starts come first. Then, where options.shares(), the poorest structure first, each starts from the
/// models of the structures nested in it, and, the richest first, from those of the structures that it is
/// nested in. Failures of candidates (is_of_candidate) are kept; other errors of fit_part are thrown.
std::vector<CohortFit> fit_cohort(const Execution& execution, const Data& data, const SelectOptions& options,
                                  std::size_t k, std::size_t j, const FitPart& fit_part);

/// Collective. Of that, what candidate i comes to from its own starts.
CohortFit fit_own(const Execution& execution, const Data& data, const SelectOptions& options, std::size_t i,
                  std::size_t j, const FitPart& fit_part);

/// When a start is shared.
enum class SharedRound {
  up,    ///< from a structure that is nested in the candidate's, the poorest first
  down,  ///< from one that the candidate's is nested in, the richest first
  last   ///< from a nested one that is more likely still
};
/// Of the fit of that part from a model of `donor`: "full.3.from.tied", in the last round
/// "full.3.again.tied".
std::string shared_part_name(const std::string& part, const Kind& donor, SharedRound round);

/// Of the fit of that part from random responsibilities: "full.3.random".
std::string random_part_name(const std::string& part);

/// Whether every mixture of the structure `poorer` is one of `richer`, by mclust's letters: equal volumes are
/// a case of varying ones, balls of equal shapes, axes of equal orientations.
bool is_nested(const CovarianceStructure& poorer, const CovarianceStructure& richer);

}  // namespace gmmpi
